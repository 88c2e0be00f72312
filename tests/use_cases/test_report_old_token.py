"""A report that the token was refused marks the connection whose token was sent, whatever the hosts' clocks say."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.accounts.accounts import change_account
from app.delivery.report import Applied
from tests.support.oauth_world import OAuthWorld
from tests.support.world import USER

CLOCKS = [timedelta(0), timedelta(seconds=-2), timedelta(hours=-1), timedelta(hours=1), timedelta(days=365)]


@pytest.fixture
def world(database_url: str) -> Iterator[OAuthWorld]:
    made = OAuthWorld(database_url)
    yield made
    made.close()


def reconnect(world: OAuthWorld, way: str, clock: timedelta) -> None:
    """Reconnect the account on a host whose clock is off by `clock`."""
    here = world.clock.now()
    world.clock.set(here + clock)
    if way == "by_token":
        change_account(world.deps, USER, world.account.id, {"access_token": "token-2"})
    else:
        world.connect(token="token-2")
    world.clock.set(here)


@pytest.mark.parametrize("clock", CLOCKS, ids=str)
@pytest.mark.parametrize("way", ["by_token", "by_oauth"])
def test_refused_old_token_leaves_the_new_connection_active(world: OAuthWorld, way: str, clock: timedelta):
    post = world.in_flight()
    reconnect(world, way, clock)
    assert world.report_failed(post, http_status=401) == Applied(True, "failed")
    assert world.account_status() == "active"
    assert world.alerts() == {}


@pytest.mark.parametrize("clock", CLOCKS, ids=str)
@pytest.mark.parametrize("way", ["by_token", "by_oauth"])
def test_refused_new_token_is_marked(world: OAuthWorld, way: str, clock: timedelta):
    reconnect(world, way, clock)
    post = world.in_flight()
    assert world.report_failed(post, http_status=401) == Applied(True, "failed")
    assert world.account_status() == "reconnect_required"
    assert world.alerts() == {"reconnect_required": world.account.id}


@pytest.mark.parametrize(("reconnected", "status"), [(False, "reconnect_required"), (True, "active")])
def test_times_are_compared_for_an_attempt_of_the_previous_release(world: OAuthWorld, reconnected: bool, status: str):
    post = world.in_flight()
    world.overwrite_attempt(post, 1, connected_at=None)
    world.clock.advance(seconds=1)
    if reconnected:
        reconnect(world, "by_token", timedelta(0))
    assert world.report_failed(post, http_status=401) == Applied(True, "failed")
    assert world.account_status() == status
