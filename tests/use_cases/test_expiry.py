"""Expiring tokens: authors get a warning when they schedule past the expiry, operators an alert days before."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.accounts.accounts import change_account, remove_account
from app.sweep.sweep import sweep
from tests.support.linkedin import failure
from tests.support.oauth_world import SOON, OAuthWorld
from tests.support.world import USER

CODE = "token_expires_before"
LATER = timedelta(days=30)


@pytest.fixture
def world(database_url: str) -> Iterator[OAuthWorld]:
    made = OAuthWorld(database_url)
    yield made
    made.close()


def has_expiry_warning(world: OAuthWorld, after: timedelta, **values) -> bool:
    scheduled = world.schedule(world.draft(**values), world.clock.now() + after)
    return CODE in [code for code, _ in scheduled.warnings]


def test_post_after_token_expiry_is_scheduled_with_a_warning_that_names_it(world: OAuthWorld):
    world.expiring_account(refresh=None)
    scheduled = world.schedule(world.draft(), world.clock.now() + LATER)
    assert scheduled.post.status == "scheduled"
    assert "2030-01-10T12:00:00.000Z" in dict(scheduled.warnings)[CODE]


def test_warning_starts_exactly_at_the_token_expiry(world: OAuthWorld):
    world.expiring_account(refresh=None)
    assert has_expiry_warning(world, SOON)
    assert not has_expiry_warning(world, SOON - timedelta(seconds=1))


def test_refresh_token_without_known_expiry_gives_no_warning(world: OAuthWorld):
    world.expiring_account(refresh="refresh-1")
    assert not has_expiry_warning(world, LATER)


def test_refresh_token_prevents_the_warning_until_its_own_expiry(world: OAuthWorld):
    world.expiring_account(refresh="refresh-1", refresh_expires_at=world.clock.now() + timedelta(days=20))
    assert not has_expiry_warning(world, timedelta(days=19))
    assert has_expiry_warning(world, LATER)


def test_refresh_token_without_linkedin_settings_does_not_prevent_the_warning(world: OAuthWorld):
    world.expiring_account(refresh="refresh-1")
    world.with_deps(linkedin=None)
    assert has_expiry_warning(world, LATER)


def test_refresh_token_of_another_platform_does_not_prevent_the_warning(world: OAuthWorld):
    world.expiring_account(refresh="refresh-1", platform="facebook")
    assert has_expiry_warning(world, LATER, platform="facebook")


def test_account_without_known_expiry_gives_no_warning(world: OAuthWorld):
    assert not has_expiry_warning(world, LATER)


def test_account_without_refresh_token_raises_an_alert_seven_days_before_expiry(world: OAuthWorld):
    account = world.expiring_account(timedelta(days=7, seconds=1), refresh=None)
    sweep(world.deps)
    assert world.alerts() == {}
    world.clock.advance(seconds=1)
    sweep(world.deps)
    assert world.alerts() == {"reconnect_soon": account.id}
    assert world.account_status(account) == "active"


def test_days_before_expiry_are_a_setting(world: OAuthWorld):
    world.set(token_refresh_ahead_days=2)
    world.expiring_account(refresh=None)
    world.maintain_accounts()
    assert world.alerts() == {}


def test_active_alert_is_not_counted_again_at_every_sweep(world: OAuthWorld):
    world.expiring_account(refresh=None)
    for _ in range(3):
        world.maintain_accounts()
    assert world.alert_counts() == [1]


@pytest.mark.parametrize("platform", ["linkedin", "facebook"])
def test_every_expiry_raises_an_alert_without_linkedin_settings(world: OAuthWorld, platform: str):
    world.with_deps(linkedin=None)
    account = world.expiring_account(platform=platform)
    world.maintain_accounts()
    assert world.alerts() == {"reconnect_soon": account.id}


def test_three_failed_refreshes_raise_an_alert_that_a_success_clears(world: OAuthWorld):
    account = world.expiring_account()
    world.linkedin.answers.extend([failure("unreachable")] * 3)
    seen = []
    for _ in range(4):
        world.maintain_accounts()
        seen.append(world.alerts())
        world.clock.advance(hours=1)
    assert seen == [{}, {}, {"reconnect_soon": account.id}, {}]


def test_refresh_token_near_its_own_expiry_raises_an_alert_while_it_still_works(world: OAuthWorld):
    account = world.expiring_account(refresh_expires_at=world.clock.now() + SOON)
    world.maintain_accounts()
    assert world.account_status(account) == "active"
    world.set(token_refresh_ahead_days=61)  # both tokens expire within these days after a renewal
    world.maintain_accounts()
    assert world.alerts() == {"reconnect_soon": account.id}


def test_reconnect_clears_the_alert_and_the_old_expiry(world: OAuthWorld):
    account = world.expiring_account(refresh=None)
    world.maintain_accounts()
    world.connect(token="new")
    assert world.alerts() == {}
    assert world.read_account(account).expires_at is None
    world.maintain_accounts()
    assert world.alerts() == {}


def test_corrected_expiry_clears_the_alert_at_the_next_sweep(world: OAuthWorld):
    account = world.expiring_account(refresh=None)
    world.maintain_accounts()
    change_account(world.deps, USER, account.id, {"expires_at": world.clock.now() + LATER})
    world.maintain_accounts()
    assert world.alerts() == {}


def test_removed_account_leaves_no_alert(world: OAuthWorld):
    account = world.expiring_account(refresh=None)
    world.maintain_accounts()
    remove_account(world.deps, USER, account.id)
    assert world.alerts() == {}


def test_schedule_through_a_disconnected_account_warns_its_author(world: OAuthWorld):
    post = world.draft()
    world.require_reconnect()
    codes = [code for code, _ in world.schedule(post).warnings]
    assert codes == ["reconnect_required"]
    world.connect(token="token-2")
    assert world.schedule(post).warnings == []
