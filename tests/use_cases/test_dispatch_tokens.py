"""A due post with an expired token: renewed in time where possible, and never failed for it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.accounts.refresh import refresh
from app.domain.delivery import Dispatched
from tests.support.linkedin import failure
from tests.support.oauth_world import OAuthWorld


@pytest.fixture
def world(database_url: str) -> Iterator[OAuthWorld]:
    made = OAuthWorld(database_url)
    yield made
    made.close()


def test_due_post_with_expired_token_is_sent_with_a_renewed_one(world: OAuthWorld):
    world.expiring_account(timedelta(minutes=1))
    post = world.due()
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-2"


def test_due_post_is_sent_with_the_old_token_if_renewal_fails(world: OAuthWorld):
    world.expiring_account(timedelta(minutes=1))
    world.linkedin.default_answer = failure("unreachable")
    assert world.dispatch(world.due()) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-1"


def test_due_post_is_held_if_the_refresh_token_is_revoked(world: OAuthWorld):
    account = world.expiring_account(timedelta(minutes=1))
    world.linkedin.default_answer = failure("invalid_grant")
    post = world.due()
    assert world.dispatch(post) == Dispatched("retry_scheduled", "account_on_hold")
    assert world.publisher.submissions == []
    assert world.account_status(account) == "reconnect_required"


def test_renewal_before_the_send_is_bounded_by_the_time_left(world: OAuthWorld):
    world.expiring_account(timedelta(minutes=1))
    post = world.scheduled()
    world.at_due(post)
    world.clock.advance(seconds=-5)
    world.set(dispatch_lead_seconds=10)
    world.dispatch(post)
    [(_, seconds)] = world.linkedin.refreshed
    assert seconds == 5


def test_token_still_valid_at_the_instant_is_not_renewed(world: OAuthWorld):
    world.expiring_account(timedelta(hours=1))
    assert world.dispatch(world.due()) == Dispatched("dispatched")
    assert world.linkedin.refreshed == []


def test_refresh_without_linkedin_settings_makes_no_request(world: OAuthWorld):
    account = world.expiring_account(timedelta(minutes=1))
    world.with_deps(linkedin=None)
    assert refresh(world.deps, account.id, world.clock.now() + timedelta(days=7)) == "idle"
    assert world.dispatch(world.due()) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-1"
