"""Access to posts and accounts, accounts unique per owner, and lists read along their indexes."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.domain.companies import Right, Role
from app.domain.post_lists import Part, Place, PostFilter
from app.store.accounts import accounts
from app.store.companies import access, companies
from app.store.posts import pages, queries
from app.store.schema.tables import clients, memberships, new_id, posts, social_accounts
from app.store.schema.tables import companies as company_table
from tests.support.fakes import START
from tests.support.rows import Rows, account_row, later, post_row

MINE, OTHERS = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


def found(rows: Rows, company_id: str, **members: Role) -> None:
    with rows.db.transaction() as tx:
        companies.create(tx, company_id, "Firm", "boss", START)
        for user, role in members.items():
            companies.put_member(tx, company_id, user.replace("_", "-"), role, START)


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (None, []),
        (Role.VIEWER, [Right.READ]),
        (Role.EDITOR, [Right.READ, Right.WRITE]),
        (Role.OWNER, [Right.READ, Right.WRITE, Right.GOVERN]),
    ],
)
def test_user_sees_personal_posts_and_company_posts_allowed_by_the_role(
    rows: Rows, role: Role | None, rights: list[Right]
):
    found(rows, MINE, **({"user_1": role} if role else {}))
    found(rows, OTHERS, user_2=Role.OWNER)
    personal = rows.post("draft")
    of_company = [rows.post("draft", company_id=MINE, user_id=user).id for user in ("user-1", "user-2")]
    rows.post("draft", user_id="user-2")
    rows.post("draft", company_id=OTHERS)
    for right in Right:
        with rows.db.reading() as connection:
            statement = sa.select(posts.c.id).where(access.allowed(posts, "user-1", right))
            seen = set(connection.execute(statement).scalars())
        assert seen == {personal.id, *(of_company if right in rights else [])}


def test_each_owner_has_an_account_once(rows: Rows):
    rows.insert(social_accounts, account_row(new_id(), company_id=MINE))
    rows.insert(social_accounts, account_row(new_id(), company_id=OTHERS))
    for twice in ({}, {"company_id": MINE, "user_id": "user-2"}, {"company_id": MINE, "client_id": OTHERS}):
        with pytest.raises(IntegrityError):
            rows.insert(social_accounts, account_row(new_id(), **twice))


def test_unknown_role_is_refused(rows: Rows):
    found(rows, MINE)
    with pytest.raises(IntegrityError, match="ck_memberships_role"):
        rows.insert(memberships, {"company_id": MINE, "user_id": "x", "role": "king", "created_at": START})


def test_removed_company_takes_its_members_and_clients_along(rows: Rows):
    found(rows, MINE, user_1=Role.VIEWER)
    client = {
        "id": new_id(),
        "company_id": MINE,
        "name": "A",
        "name_key": "a",
        "created_at": START,
        "updated_at": START,
    }
    rows.insert(clients, client)
    with pytest.raises(IntegrityError):
        rows.insert(clients, client | {"id": new_id(), "name": "a"})
    with pytest.raises(IntegrityError):
        rows.insert(clients, client | {"id": new_id(), "company_id": OTHERS})
    with rows.db.transaction() as tx:
        companies.remove(tx, MINE)
    with rows.db.reading() as connection:
        left = [connection.execute(sa.select(table)).all() for table in (company_table, memberships, clients)]
    assert left == [[], [], []]


def test_unfinished_posts_and_accounts_of_a_company_or_client_are_counted(rows: Rows):
    one, other = new_id(), new_id()
    for status in ("draft", "scheduled", "publishing", "failed", "published", "cancelled"):
        rows.post(status, company_id=MINE, client_id=one)
    rows.post("draft", company_id=MINE, client_id=other)
    rows.post("draft", company_id=OTHERS)
    rows.insert(social_accounts, account_row(new_id(), company_id=MINE, client_id=one))
    rows.insert(social_accounts, account_row(new_id(), company_id=MINE, external_id="2"))
    with rows.db.reading() as connection:
        assert companies.count_dependents(connection, MINE) == (5, 2)
        assert companies.count_dependents(connection, MINE, one) == (4, 1)
        assert companies.count_dependents(connection, MINE, other) == (1, 0)


LISTS: dict[str, Callable[[Rows], PostFilter]] = {
    "ix_posts_list": lambda rows: PostFilter(),
    "ix_posts_company": lambda rows: PostFilter(company_id=MINE),
    "ix_posts_client": lambda rows: PostFilter(client_id=OTHERS),
    "ix_posts_account": lambda rows: PostFilter(social_account_id=rows.account_id),
}


@pytest.mark.parametrize("index", LISTS)
def test_list_is_read_along_its_index_without_sorting(rows: Rows, index: str):
    found(rows, MINE, user_1=Role.VIEWER)
    mine = {"company_id": MINE, "client_id": OTHERS, "social_account_id": rows.account_id}
    others = [dict.fromkeys(mine, new_id()) | {"user_id": f"user-{n}"} for n in range(2, 12)]
    many = [
        post_row("draft") | {"created_at": later(n)} | (others[n % 20] if n % 20 < 10 else mine) for n in range(3000)
    ]
    with rows.db.transaction() as tx:
        tx.execute(sa.insert(posts), many)
        tx.execute(sa.text("ANALYZE"))
    plan = explained(
        rows,
        lambda c: pages.page(c, "user-1", LISTS[index](rows), 50, Place(later(1500), Part.MAIN, later(1500), new_id())),
    )
    assert index in plan
    assert "sort" not in plan.lower()
    assert "TEMP B-TREE" not in plan


def explained(rows: Rows, read: Callable[[sa.Connection], Any]) -> str:
    """Return the plans of the statements of `read`."""
    seen: list[tuple[str, Any]] = []
    with rows.db.reading() as connection:
        sa.event.listen(connection.engine, "before_cursor_execute", lambda *args: seen.append((args[2], args[3])))
        read(connection)
        explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        plans = [connection.exec_driver_sql(explain + statement, parameters) for statement, parameters in tuple(seen)]
        return "\n".join(str(row) for plan in plans for row in plan)


OWNERS = [(None, None), ("company", None), ("company", "client"), ("company", "other client"), ("other company", None)]


@pytest.mark.parametrize("named", [False, True], ids=["names none", "names one"])
@pytest.mark.parametrize("owner", OWNERS, ids=str)
def test_post_is_read_with_its_usable_accounts(rows: Rows, owner: Any, named: bool):
    of = {None: None} | {name: new_id() for name in ("company", "other company", "client", "other client")}
    for number, (company, client) in enumerate(OWNERS):
        for platform, user in (("linkedin", "user-1"), ("facebook", "user-1"), ("linkedin", "user-2")):
            values: dict[str, Any] = {"platform": platform, "user_id": user, "external_id": f"{number}-{user}"}
            values |= {"company_id": of[company], "client_id": of[client], "created_at": later(-number)}
            rows.insert(social_accounts, account_row(new_id(), **values))
    company_id, client_id = of[owner[0]], of[owner[1]]
    with rows.db.reading() as connection:
        usable = accounts.usable(connection, "user-1", company_id, client_id, "linkedin")
    wanted = usable[-1:] if named else usable
    own = wanted[0].id if named else None
    post = rows.post("draft", company_id=company_id, client_id=client_id, social_account_id=own)
    if company_id is not None:
        found(rows, company_id, user_1=Role.VIEWER)
    with rows.db.reading() as connection:
        assert queries.post_with_accounts(connection, post.id, "user-1") == (post, wanted)
        assert queries.post_with_accounts(connection, post.id, "user-3") == (None, [])
        assert queries.post_with_accounts(connection, new_id(), "user-1") == (None, [])
    assert usable
