"""Give a post another account: its time, its message, and deliveries prepared for the former account."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.domain.delivery import Dispatched
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.post import Account, Post
from app.posts import drafts, recover
from app.store.schema.tables import social_accounts
from tests.support.world import IN_TEN_MINUTES, USER, World


def other_account(world: World) -> Account:
    return world.connect(external_id="urn:li:person:2", token="token-2")


def edit(world: World, post: Post, account_id: str, user: str = USER) -> Post:
    return drafts.edit_post(world.deps, user, post.id, {"social_account_id": account_id})


def lose_account(world: World) -> None:
    """Delete the account's row, as a removal beside a schedule does."""
    with world.db.transaction() as tx:
        tx.execute(sa.delete(social_accounts).where(social_accounts.c.id == world.account.id))


def test_scheduled_post_with_another_account_keeps_time_and_message(world: World):
    post = world.scheduled()
    lose_account(world)
    other = other_account(world)
    after = edit(world, post, other.id)
    assert after.social_account_id == other.id
    kept = ("status", "scheduled_at", "next_attempt_at", "message_id", "generation", "arm_count")
    assert [getattr(after, name) for name in kept] == [getattr(post, name) for name in kept]
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(after) == Dispatched("dispatched")
    assert [one.access_token for one in world.publisher.submissions] == ["token-2"]


def test_account_given_during_the_wait_is_used(world: World):
    post = world.scheduled()
    other = other_account(world)
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))

    def give() -> None:
        world.clock.during_sleep = None
        edit(world, post, other.id)

    world.clock.during_sleep = give
    assert world.dispatch(post) == Dispatched("dispatched")
    assert [(one.access_token, one.person_urn) for one in world.publisher.submissions] == [
        ("token-2", "urn:li:person:2")
    ]
    assert world.read(post).attempt == 1


def test_account_given_before_the_instant_saves_a_post_without_one(world: World):
    post = world.scheduled()
    lose_account(world)
    other = other_account(world)
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))

    def give() -> None:
        world.clock.during_sleep = None
        edit(world, post, other.id)

    world.clock.during_sleep = give
    assert world.dispatch(post) == Dispatched("dispatched")
    assert [one.access_token for one in world.publisher.submissions] == ["token-2"]


@pytest.mark.parametrize("seconds_before", [-30, 3600])
def test_held_post_with_another_account_is_due_at_its_time_again(world: World, seconds_before: int):
    post = world.due() if seconds_before < 0 else world.scheduled(at=IN_TEN_MINUTES + timedelta(hours=1))
    world.require_reconnect()
    if seconds_before > 0:
        world.clock.set(IN_TEN_MINUTES + timedelta(hours=1) - timedelta(seconds=1))
    assert world.dispatch(post) == Dispatched("retry_scheduled", "account_on_hold")
    held = world.read(post)
    other = other_account(world)
    after = edit(world, post, other.id)
    assert (after.error_code, after.next_attempt_at) == (
        None,
        max(world.clock.now(), post.scheduled_at or IN_TEN_MINUTES),
    )
    assert after.armed
    assert after.message_id != held.message_id
    assert world.reasons(post)[-1] == "account_changed"
    world.clock.set(after.next_attempt_at or world.clock.now())
    assert world.dispatch(after) == Dispatched("dispatched")


def test_failed_post_with_another_account_can_be_retried(world: World):
    post = world.due()
    lose_account(world)
    world.dispatch(post)
    assert (world.read(post).status, world.read(post).error_code) == ("failed", "account_missing")
    after = edit(world, post, other_account(world).id)
    assert after.status == "failed"
    retried = recover.recover(world.deps, USER, post.id, "retry", False)
    assert world.dispatch(retried) == Dispatched("dispatched")


@pytest.mark.parametrize("status", ["publishing", "published", "cancelled"])
def test_post_in_flight_or_final_gets_no_other_account(world: World, status: str):
    post = world.in_status(status)
    with pytest.raises(Conflict):
        edit(world, post, other_account(world).id)


def test_post_that_may_be_out_gets_no_other_account(world: World):
    """The other account would take a second copy."""
    post = world.expired(platform="instagram")
    recover.recover(world.deps, USER, post.id, "fail", False)
    other = world.connect("instagram", "another-page")
    with pytest.raises(Conflict) as refused:
        edit(world, post, other.id)
    assert refused.value.code == "outcome_unknown"


def test_account_of_another_platform_or_user_is_refused(world: World):
    post = world.draft()
    theirs = world.connect(user="bob").id
    for account_id in (world.connect("facebook", "page").id, theirs):
        with pytest.raises(Invalid) as refused:
            edit(world, post, account_id)
        assert (refused.value.code, refused.value.errors[0].field) == ("account_missing", "socialAccountId")
    with pytest.raises(NotFound):
        edit(world, post, theirs, user="bob")
    assert world.read(post).social_account_id is None
