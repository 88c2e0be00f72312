"""A refused refresh token: it says nothing about the access token, and it is not used again."""

from datetime import timedelta

import pytest

from app.accounts.accounts import change_account
from app.accounts.refresh import refresh
from app.domain.delivery import Dispatched
from tests.support.linkedin import failure
from tests.support.oauth_world import OAuthWorld
from tests.support.world import USER

AHEAD = timedelta(days=7)


@pytest.fixture
def world(database_url: str):
    world = OAuthWorld(database_url)
    world.linkedin.default_answer = failure("invalid_grant")
    yield world
    world.close()


def test_account_with_valid_access_stays_active_and_its_owner_is_alerted(world: OAuthWorld):
    account = world.expiring_account()
    world.maintain_accounts()
    assert (world.account_status(account), world.tokens(account)) == ("active", ("access-1", None))
    assert world.alerts() == {"reconnect_soon": account.id}


def test_refused_refresh_token_is_not_used_again(world: OAuthWorld):
    world.expiring_account()
    for _ in range(2):
        world.maintain_accounts()
        world.clock.advance(days=1)
    assert len(world.linkedin.refreshed) == 1


def test_posts_go_out_until_the_access_ends(world: OAuthWorld):
    world.expiring_account()
    post = world.due()
    world.maintain_accounts()
    assert world.dispatch(post) == Dispatched("dispatched")


def test_account_whose_access_has_ended_must_be_reconnected(world: OAuthWorld):
    account = world.expiring_account()
    world.clock.advance(days=4)
    world.maintain_accounts()
    assert world.account_status(account) == "reconnect_required"
    assert world.alerts() == {"reconnect_required": account.id}


def test_new_access_token_with_the_old_refresh_token_is_not_disconnected_by_its_refusal(world: OAuthWorld):
    account = world.expiring_account()
    soon = world.clock.now() + timedelta(days=2)
    change_account(world.deps, USER, account.id, {"access_token": "of-the-owner", "expires_at": soon})
    world.maintain_accounts()
    assert (world.account_status(account), world.tokens(account)[0]) == ("active", "of-the-owner")


def test_reconnect_ends_the_alert(world: OAuthWorld):
    account = world.expiring_account()
    assert refresh(world.deps, account.id, world.clock.now() + AHEAD) == "invalid_grant"
    world.expiring_account(timedelta(days=60), access_token="of-the-owner", refresh="theirs")
    assert world.alerts() == {}
