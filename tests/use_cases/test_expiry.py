"""Authors are warned when they schedule beyond an access's end; operators hear of it days before."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.posts import drafts
from app.sweep.sweep import sweep
from tests.support.linkedin import failure
from tests.support.oauth_world import SOON, ConnectedWorld
from tests.support.world import USER

CODE = "token_expires_before"
LATER = timedelta(days=30)


@pytest.fixture
def world(database_url: str) -> Iterator[ConnectedWorld]:
    made = ConnectedWorld(database_url)
    yield made
    made.close()


def warned(world: ConnectedWorld, after: timedelta, **values) -> bool:
    scheduled = world.schedule(world.draft(**values), world.clock.now() + after)
    return CODE in [code for code, _ in scheduled.warnings]


def test_a_post_beyond_the_end_is_scheduled_with_a_warning_that_names_the_end(world: ConnectedWorld):
    world.ending(refresh=None)
    scheduled = world.schedule(world.draft(), world.clock.now() + LATER)
    assert scheduled.post.status == "scheduled"
    assert "2030-01-10T12:00:00.000Z" in dict(scheduled.warnings)[CODE]


def test_a_post_at_the_very_end_is_warned_of_and_one_before_is_not(world: ConnectedWorld):
    world.ending(refresh=None)
    assert warned(world, SOON)
    assert not warned(world, SOON - timedelta(seconds=1))


def test_a_refresh_token_without_a_known_end_spares_the_warning(world: ConnectedWorld):
    world.ending(refresh="refresh-1")
    assert not warned(world, LATER)


def test_a_refresh_token_helps_until_its_own_end(world: ConnectedWorld):
    world.ending(refresh="refresh-1", refresh_expires_at=world.clock.now() + timedelta(days=20))
    assert not warned(world, timedelta(days=19))
    assert warned(world, LATER)


def test_a_refresh_token_is_no_help_where_nobody_can_use_it(world: ConnectedWorld):
    world.ending(refresh="refresh-1")
    world.with_deps(linkedin=None)
    assert warned(world, LATER)


def test_a_refresh_token_of_another_platform_is_no_help(world: ConnectedWorld):
    world.ending(refresh="refresh-1", platform="facebook")
    assert warned(world, LATER, platform="facebook")


def test_an_account_without_a_known_end_is_never_warned_of(world: ConnectedWorld):
    assert not warned(world, LATER)


def test_an_account_that_only_its_owner_can_renew_is_an_alert_days_before(world: ConnectedWorld):
    account = world.ending(timedelta(days=7, seconds=1), refresh=None)
    sweep(world.deps)
    assert world.alerts() == {}
    world.clock.advance(seconds=1)
    sweep(world.deps)
    assert world.alerts() == {"reconnect_soon": account.id}
    assert world.account_status(account) == "active"


def test_the_days_before_are_a_setting(world: ConnectedWorld):
    world.set(token_refresh_ahead_days=2)
    world.ending(refresh=None)
    world.look_after()
    assert world.alerts() == {}


def test_an_alert_that_stands_is_not_counted_again_at_every_sweep(world: ConnectedWorld):
    world.ending(refresh=None)
    for _ in range(3):
        world.look_after()
    assert world.alert_counts() == [1]


@pytest.mark.parametrize("platform", ["linkedin", "facebook"])
def test_without_linkedins_settings_every_end_is_an_alert(world: ConnectedWorld, platform: str):
    world.with_deps(linkedin=None)
    account = world.ending(platform=platform)
    world.look_after()
    assert world.alerts() == {"reconnect_soon": account.id}


def test_a_refresh_that_fails_three_times_is_an_alert_that_its_success_clears(world: ConnectedWorld):
    account = world.ending()
    world.linkedin.answers.extend([failure("unreachable")] * 3)
    seen = []
    for _ in range(4):
        world.look_after()
        seen.append(world.alerts())
        world.clock.advance(hours=1)
    assert seen == [{}, {}, {"reconnect_soon": account.id}, {}]


def test_a_refresh_token_that_ends_itself_is_an_alert_though_it_still_works(world: ConnectedWorld):
    account = world.ending(refresh_expires_at=world.clock.now() + SOON)
    world.look_after()
    assert world.account_status(account) == "active"
    world.set(token_refresh_ahead_days=61)  # what it gives ends within these days, and so does the refresh token
    world.look_after()
    assert world.alerts() == {"reconnect_soon": account.id}


def test_reconnecting_clears_the_alert_and_a_new_token_of_unknown_end_is_not_given_the_old_one(world: ConnectedWorld):
    account = world.ending(refresh=None)
    world.look_after()
    world.connect(token="new")
    assert world.alerts() == {}
    assert world.account_now(account).expires_at is None
    world.look_after()
    assert world.alerts() == {}


def test_an_end_that_is_corrected_clears_the_alert_at_the_next_sweep(world: ConnectedWorld):
    account = world.ending(refresh=None)
    world.look_after()
    drafts.change_account(world.deps, USER, account.id, {"expires_at": world.clock.now() + LATER})
    world.look_after()
    assert world.alerts() == {}


def test_an_account_that_is_gone_leaves_no_alert(world: ConnectedWorld):
    account = world.ending(refresh=None)
    world.look_after()
    drafts.remove_account(world.deps, USER, account.id)
    assert world.alerts() == {}
