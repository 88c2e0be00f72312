"""Concurrent changes of members and roles: a company keeps an owner, and a removed right ends at once."""

from functools import partial
from typing import Any

import pytest

from app.accounts.accounts import connect_account
from app.companies import companies, members
from app.domain.companies import Role
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.posts import schedule
from app.store.companies import access
from app.store.companies import companies as stored_companies
from app.store.posts import transitions
from app.store.schema.tables import new_id
from tests.support.companies import join
from tests.support.threads import TIMEOUT_SECONDS, errors, run_beside, run_together, wait_until_blocked
from tests.support.world import IN_TEN_MINUTES, USER, World

ROUNDS = 6
BOSS = "boss-1"


def create_company(world: World, **members: Role) -> str:
    company = companies.create_company(world.deps, BOSS, "Firm").id
    for user, role in members.items():
        join(world.deps, BOSS, company, user.replace("_", "-"), role)
    return company


def roles(world: World, company: str) -> dict[str, str]:
    with world.db.reading() as connection:
        return {m.user_id: m.role for m in stored_companies.members(connection, company, 50, None)}


def connect(world: World, company: str, user: str = USER, **more: Any) -> Any:
    values = {"platform": "linkedin", "external_id": "page", "access_token": "t", "company_id": company}
    return connect_account(world.deps, user, values | more)


def test_two_owners_demoting_each_other_concurrently_leave_one_owner(world: World):
    for _ in range(ROUNDS):
        company = create_company(world, user_1=Role.OWNER)
        put = members.put_member
        results = run_together(
            [
                partial(put, world.deps, BOSS, company, USER, Role.EDITOR),
                partial(put, world.deps, USER, company, BOSS, Role.EDITOR),
            ]
        )
        assert [type(error) for error in errors(results)] == [Forbidden]
        assert sorted(roles(world, company).values()) == ["editor", "owner"]


def test_two_owners_leaving_concurrently_leave_one_owner(world: World):
    for _ in range(ROUNDS):
        company = create_company(world, user_1=Role.OWNER)
        results = run_together(
            [partial(members.remove_member, world.deps, user, company, user) for user in (USER, BOSS)]
        )
        assert [error.code for error in errors(results) if isinstance(error, Conflict)] == ["last_owner"]
        assert list(roles(world, company).values()) == ["owner"]


def test_same_client_created_concurrently_is_one_client(world: World):
    for _ in range(ROUNDS):
        company = create_company(world)
        names = ("Acme", "ACME", "acme", "Acme")
        results = run_together([partial(companies.create_client, world.deps, BOSS, company, name) for name in names])
        assert [error.code for error in errors(results) if isinstance(error, Conflict)] == ["client_exists"] * 3
        assert len(companies.list_clients(world.deps, BOSS, company, 50, None)) == 1


def test_same_account_connected_concurrently_is_one_account(world: World):
    for _ in range(ROUNDS):
        company = create_company(world, user_1=Role.EDITOR, user_2=Role.EDITOR)
        results = run_together([partial(connect, world, company, user) for user in (USER, BOSS, "user-2")])
        assert errors(results) == []
        assert len({account.id for account in results}) == 1


@pytest.mark.parametrize("what", ["company", "client"])
def test_concurrent_removal_leaves_no_row_without_its_company_or_client(world: World, what: str):
    for _ in range(ROUNDS):
        company = create_company(world)
        client = companies.create_client(world.deps, BOSS, company, "One").id
        remove = (
            partial(companies.remove_company, world.deps, BOSS, company)
            if what == "company"
            else partial(companies.remove_client, world.deps, BOSS, company, client)
        )
        additions = [
            partial(world.draft, user=BOSS, company_id=company, client_id=client),
            partial(connect, world, company, BOSS, client_id=client),
        ]
        removed, *added = run_together([remove, *additions])
        if isinstance(removed, Conflict):
            assert removed.code == f"{what}_in_use"
            assert len(errors(added)) < len(additions)
            assert len(companies.list_clients(world.deps, BOSS, company, 50, None)) == 1
        else:
            assert removed is None
            assert [type(error) for error in errors(added)] == [Invalid, Invalid]


def test_company_removal_waits_for_an_uncommitted_post(pg_world: World):
    """Otherwise the count finds no post, and the post is committed into a deleted company."""
    company = create_company(pg_world)
    with pg_world.db.transaction() as tx:
        access.lock_company(tx, company, exclusive=False)
        with run_beside(partial(companies.remove_company, pg_world.deps, BOSS, company)) as removing:
            wait_until_blocked(pg_world.db)
            row = {"user_id": BOSS, "content": "x", "platform": "linkedin", "post_type": "post", "media": []}
            now = pg_world.clock.now()
            transitions.create(tx, row | {"id": new_id(), "company_id": company}, now=now, actor=f"user:{BOSS}")
            tx.commit()
            error = removing.exception(TIMEOUT_SECONDS)
    assert isinstance(error, Conflict)
    assert error.code == "company_in_use"


def test_editors_do_not_block_each_other(pg_world: World):
    company = create_company(pg_world, user_1=Role.EDITOR)
    with pg_world.db.transaction() as tx:
        access.lock_company(tx, company, exclusive=False)
        with run_beside(partial(pg_world.draft, company_id=company)) as writing:
            try:
                assert writing.result(TIMEOUT_SECONDS).company_id == company
            finally:
                tx.rollback()  # a blocked draft must be able to end


def test_editor_removed_during_schedule_has_scheduled_before_or_gets_not_found(pg_world: World):
    """The removal waits for actions in progress. Later actions of the editor get NotFound."""
    for _ in range(ROUNDS):
        company = create_company(pg_world, user_1=Role.EDITOR)
        connect(pg_world, company)
        post = pg_world.draft(company_id=company)
        scheduling = partial(schedule.schedule, pg_world.deps, USER, post.id, IN_TEN_MINUTES.isoformat(), None, 0)
        scheduled, removed = run_together(
            [scheduling, partial(members.remove_member, pg_world.deps, BOSS, company, USER)]
        )
        assert removed is None
        assert isinstance(scheduled, NotFound) == (pg_world.read(post).status == "draft")
    company = create_company(pg_world, user_1=Role.EDITOR)
    post = pg_world.draft(company_id=company)
    with pg_world.db.transaction() as tx:
        access.lock_company(tx, company, exclusive=True)
        stored_companies.remove_member(tx, company, USER)
        with run_beside(partial(schedule.cancel, pg_world.deps, USER, post.id)) as cancelling:
            wait_until_blocked(pg_world.db)
            tx.commit()
            assert isinstance(cancelling.exception(TIMEOUT_SECONDS), NotFound)
    assert pg_world.read(post).status == "draft"
