"""A person leaves, or withdraws their profile, at the instant of a send: the post is out before, or it is held."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from app.accounts.accounts import connect_account, remove_account
from app.companies import companies, invitations, members
from app.domain.companies import Member, Role
from app.domain.errors import Conflict, NotFound
from app.domain.post import Post
from app.store.companies import access
from app.store.companies import companies as stored_companies
from tests.support.companies import join
from tests.support.rows import claim
from tests.support.threads import TIMEOUT_SECONDS, errors, run_beside, run_together, wait_until_blocked
from tests.support.world import IN_TEN_MINUTES, World

ROUNDS = 4
BOSS, PERSON = "boss-1", "person-1"
Act = Callable[[World, str, str], None]


def leave(world: World, company: str, _account: str) -> None:
    members.remove_member(world.deps, BOSS, company, PERSON)


def withdraw(world: World, _company: str, account: str) -> None:
    remove_account(world.deps, PERSON, account)


ACTS = pytest.mark.parametrize("act", [leave, withdraw], ids=["leave", "withdraw"])


def due_post(world: World, number: int = 0) -> tuple[str, str, Post]:
    """Create a company with a due post through the profile of a member."""
    company = companies.create_company(world.deps, BOSS, "Firm").id
    join(world.deps, BOSS, company, PERSON, Role.EDITOR)
    values = {"platform": "linkedin", "external_id": f"urn:li:person:{number}", "access_token": "t"}
    account = connect_account(world.deps, PERSON, values | {"company_id": company}).id
    draft = world.draft(user=BOSS, company_id=company, social_account_id=account)
    return company, account, world.schedule(draft, world.clock.now() if number else IN_TEN_MINUTES).post


@ACTS
def test_delivery_beside_a_leaving_is_sent_once_or_held(world: World, act: Act):
    for number in range(ROUNDS):
        company, account, post = due_post(world, number)
        world.clock.set(max(world.clock.now(), IN_TEN_MINUTES))
        before = len(world.publisher.submissions)
        results = run_together([partial(world.dispatch, post), partial(act, world, company, account)])
        assert errors(results) == []
        sent, after = len(world.publisher.submissions) - before, world.read(post)
        held = after.status == "failed" and after.error_code in ("member_left", "account_withdrawn")
        assert (after.status, sent) == ("publishing", 1) or (held, sent) == (True, 0)


@ACTS
def test_leaving_waits_for_a_claim_in_progress_and_lets_it_go_on(pg_world: World, act: Act):
    company, account, post = due_post(pg_world)
    pg_world.clock.set(IN_TEN_MINUTES)
    now = pg_world.clock.now()
    with pg_world.db.transaction() as tx:
        assert claim(tx, post, now=now, lease_until=now.replace(hour=23), trigger="message", sending=True)
        with run_beside(partial(act, pg_world, company, account)) as leaving:
            wait_until_blocked(pg_world.db)
            tx.commit()
            leaving.result(TIMEOUT_SECONDS)
    assert pg_world.read(post).status == "publishing"


@ACTS
def test_claim_waits_for_a_leaving_in_progress_and_sends_nothing(pg_world: World, act: Act):
    company, account, post = due_post(pg_world)
    pg_world.clock.set(IN_TEN_MINUTES)
    waited: list[Any] = []

    def deliver_before_the_commit() -> None:
        deliveries.append(stack.enter_context(run_beside(partial(pg_world.dispatch, post))))
        wait_until_blocked(pg_world.db)
        waited.append(True)

    deliveries: list[Any] = []
    with ExitStack() as stack:
        pg_world.at_next_commit(deliver_before_the_commit)
        act(pg_world, company, account)
        [delivery] = deliveries
        assert delivery.result(TIMEOUT_SECONDS).status == "ignored"
    assert waited == [True]
    assert pg_world.publisher.submissions == []
    assert pg_world.read(post).status == "failed"


def test_invitation_accepted_concurrently_makes_one_membership(world: World):
    company = companies.create_company(world.deps, BOSS, "Firm").id
    for _ in range(ROUNDS):
        made = invitations.invite(world.deps, BOSS, company, invitations.Wanted(Role.VIEWER))
        users = ("ann", "ben", "cid")
        accept = partial(invitations.accept, world.deps)
        results = run_together([partial(accept, user, made.token) for user in users])
        joined = [one for one in results if isinstance(one, Member)]
        assert len(joined) == 1
        assert [type(error) for error in errors(results)] == [NotFound, NotFound]
        members.remove_member(world.deps, BOSS, company, joined[0].user_id)


def test_invitation_revoked_or_orphaned_during_its_acceptance_is_accepted_before_or_ended(world: World):
    company = companies.create_company(world.deps, BOSS, "Firm").id
    join(world.deps, BOSS, company, "second", Role.OWNER)
    for end in ("revoke", "remove the inviter"):
        made = invitations.invite(world.deps, "second", company, invitations.Wanted(Role.EDITOR, user_id="ann"))
        ending = (
            partial(invitations.revoke, world.deps, BOSS, company, made.invitation.id)
            if end == "revoke"
            else partial(members.remove_member, world.deps, BOSS, company, "second")
        )
        accepted, ended = run_together([partial(invitations.accept, world.deps, "ann", made.token), ending])
        with world.db.reading() as connection:
            role = access.role_of(connection, company, "ann")
        if isinstance(accepted, Member):
            assert role == Role.EDITOR
            assert ended is None or isinstance(ended, NotFound)
            members.remove_member(world.deps, BOSS, company, "ann")
        else:
            assert (type(accepted), role, ended) == (NotFound, None, None)


def test_last_owner_cannot_leave_beside_a_new_one_joining(world: World):
    for _ in range(ROUNDS):
        company = companies.create_company(world.deps, BOSS, "Firm").id
        made = invitations.invite(world.deps, BOSS, company, invitations.Wanted(Role.OWNER, user_id="ann"))
        results = run_together(
            [
                partial(members.remove_member, world.deps, BOSS, company, BOSS),
                partial(invitations.accept, world.deps, "ann", made.token),
            ]
        )
        with world.db.reading() as connection:
            assert stored_companies.count_owners(connection, company) >= 1
        assert all(isinstance(error, Conflict | NotFound) for error in errors(results))
