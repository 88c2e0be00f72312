"""A post that falls due with a token that is over: a new one if it can be had in time, and no post burned for it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.accounts.refresh import refresh
from app.delivery.settle import Dispatched
from tests.support.linkedin import failure
from tests.support.oauth_world import ConnectedWorld


@pytest.fixture
def world(database_url: str) -> Iterator[ConnectedWorld]:
    made = ConnectedWorld(database_url)
    yield made
    made.close()


def test_a_due_post_gets_a_new_token_when_its_own_is_over(world: ConnectedWorld):
    world.ending(timedelta(minutes=1))
    post = world.due()
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-2"


def test_a_due_post_goes_out_with_the_old_token_when_no_new_one_can_be_had(world: ConnectedWorld):
    world.ending(timedelta(minutes=1))
    world.linkedin.usual = failure("unreachable")
    assert world.dispatch(world.due()) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-1"


def test_a_due_post_is_held_when_the_refresh_token_is_dead_too(world: ConnectedWorld):
    account = world.ending(timedelta(minutes=1))
    world.linkedin.usual = failure("invalid_grant")
    post = world.due()
    assert world.dispatch(post) == Dispatched("retry_scheduled", "account_on_hold")
    assert world.publisher.submissions == []
    assert world.account_status(account) == "reconnect_required"


def test_the_refresh_at_the_last_moment_is_bounded_by_the_time_left(world: ConnectedWorld):
    world.ending(timedelta(minutes=1))
    post = world.scheduled()
    world.at_due(post)
    world.clock.advance(seconds=-5)
    world.set(dispatch_lead_seconds=10)
    world.dispatch(post)
    [(_, seconds)] = world.linkedin.refreshed
    assert seconds == 5


def test_a_token_that_is_still_good_at_the_instant_is_not_renewed_on_the_way(world: ConnectedWorld):
    world.ending(timedelta(hours=1))
    assert world.dispatch(world.due()) == Dispatched("dispatched")
    assert world.linkedin.refreshed == []


def test_without_linkedins_settings_nobody_is_asked(world: ConnectedWorld):
    account = world.ending(timedelta(minutes=1))
    world.with_deps(linkedin=None)
    assert refresh(world.deps, account.id, world.clock.now() + timedelta(days=7)) == "idle"
    assert world.dispatch(world.due()) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-1"
