"""Rights and roles at the same time: a company keeps an owner, and nobody acts by a right that was taken from them."""

from functools import partial
from typing import Any

import pytest

from app.companies import companies
from app.domain.companies import Role
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.posts import drafts, schedule
from app.store.companies import access
from app.store.companies import companies as stored_companies
from app.store.posts import transitions
from app.store.schema.tables import new_id
from tests.support.threads import PATIENCE, beside, errors, together, wait_until_blocked
from tests.support.world import IN_TEN_MINUTES, USER, World

ROUNDS = 6
BOSS = "boss-1"


def found(world: World, **members: Role) -> str:
    company = companies.create_company(world.deps, BOSS, "Firm").id
    for user, role in members.items():
        companies.put_member(world.deps, BOSS, company, user.replace("_", "-"), role)
    return company


def roles(world: World, company: str) -> dict[str, str]:
    with world.db.reading() as connection:
        return {m.user_id: m.role for m in stored_companies.members(connection, company, 50, None)}


def connect(world: World, company: str, user: str = USER, **more: Any) -> Any:
    values = {"platform": "linkedin", "external_id": "page", "access_token": "t", "company_id": company}
    return drafts.connect_account(world.deps, user, values | more)


def test_two_owners_who_demote_each_other_at_once_leave_one(world: World):
    for _ in range(ROUNDS):
        company = found(world, user_1=Role.OWNER)
        put = companies.put_member
        results = together(
            [
                partial(put, world.deps, BOSS, company, USER, Role.EDITOR),
                partial(put, world.deps, USER, company, BOSS, Role.EDITOR),
            ]
        )
        assert [type(error) for error in errors(results)] == [Forbidden]
        assert sorted(roles(world, company).values()) == ["editor", "owner"]


def test_of_two_owners_who_leave_at_once_one_stays(world: World):
    for _ in range(ROUNDS):
        company = found(world, user_1=Role.OWNER)
        results = together([partial(companies.remove_member, world.deps, user, company, user) for user in (USER, BOSS)])
        assert [error.code for error in errors(results) if isinstance(error, Conflict)] == ["last_owner"]
        assert list(roles(world, company).values()) == ["owner"]


def test_the_same_client_twice_at_once_is_one_client(world: World):
    for _ in range(ROUNDS):
        company = found(world)
        names = ("Acme", "ACME", "acme", "Acme")
        results = together([partial(companies.create_client, world.deps, BOSS, company, name) for name in names])
        assert [error.code for error in errors(results) if isinstance(error, Conflict)] == ["client_exists"] * 3
        assert len(companies.list_clients(world.deps, BOSS, company, 50, None)) == 1


def test_the_same_account_connected_by_several_at_once_is_one_account(world: World):
    for _ in range(ROUNDS):
        company = found(world, user_1=Role.EDITOR, user_2=Role.EDITOR)
        results = together([partial(connect, world, company, user) for user in (USER, BOSS, "user-2")])
        assert errors(results) == []
        assert len({account.id for account in results}) == 1


@pytest.mark.parametrize("what", ["company", "client"])
def test_nothing_is_left_without_the_company_or_client_that_is_removed_meanwhile(world: World, what: str):
    for _ in range(ROUNDS):
        company = found(world)
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
        removed, *added = together([remove, *additions])
        if isinstance(removed, Conflict):
            assert removed.code == f"{what}_in_use"
            assert len(errors(added)) < len(additions)
            assert len(companies.list_clients(world.deps, BOSS, company, 50, None)) == 1
        else:
            assert removed is None
            assert [type(error) for error in errors(added)] == [Invalid, Invalid]


def test_whoever_removes_a_company_waits_for_a_post_that_is_being_written(crowd: World):
    """Else the count finds nothing, and the post is committed into a company that is gone."""
    company = found(crowd)
    with crowd.db.transaction() as tx:
        access.hold(tx, company, alone=False)
        with beside(partial(companies.remove_company, crowd.deps, BOSS, company)) as removing:
            wait_until_blocked(crowd.db)
            row = {"user_id": BOSS, "content": "x", "platform": "linkedin", "post_type": "post", "media": []}
            now = crowd.clock.now()
            transitions.create(tx, row | {"id": new_id(), "company_id": company}, now=now, actor=f"user:{BOSS}")
            tx.commit()
            error = removing.exception(PATIENCE)
    assert isinstance(error, Conflict)
    assert error.code == "company_in_use"


def test_editors_do_not_wait_for_each_other(crowd: World):
    company = found(crowd, user_1=Role.EDITOR)
    with crowd.db.transaction() as tx:
        access.hold(tx, company, alone=False)
        with beside(partial(crowd.draft, company_id=company)) as writing:
            try:
                assert writing.result(PATIENCE).company_id == company
            finally:
                tx.rollback()  # whoever did wait must come to an end


def test_an_editor_who_is_removed_while_scheduling_has_scheduled_before_or_not_at_all(crowd: World):
    """The removal waits for those who are acting, and those who come later are told that there is no such post."""
    for _ in range(ROUNDS):
        company = found(crowd, user_1=Role.EDITOR)
        connect(crowd, company)
        post = crowd.draft(company_id=company)
        scheduling = partial(schedule.schedule, crowd.deps, USER, post.id, IN_TEN_MINUTES.isoformat(), None, 0)
        scheduled, removed = together([scheduling, partial(companies.remove_member, crowd.deps, BOSS, company, USER)])
        assert removed is None
        assert isinstance(scheduled, NotFound) == (crowd.read(post).status == "draft")
    company = found(crowd, user_1=Role.EDITOR)
    post = crowd.draft(company_id=company)
    with crowd.db.transaction() as tx:
        access.hold(tx, company, alone=True)
        stored_companies.remove_member(tx, company, USER)
        with beside(partial(schedule.cancel, crowd.deps, USER, post.id)) as cancelling:
            wait_until_blocked(crowd.db)
            tx.commit()
            assert isinstance(cancelling.exception(PATIENCE), NotFound)
    assert crowd.read(post).status == "draft"
