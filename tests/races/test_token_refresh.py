"""Concurrent token refreshes and OAuth callbacks: exactly one succeeds."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from app.accounts.connect import begin, complete
from app.accounts.refresh import refresh
from app.domain.errors import Invalid
from app.domain.post import Account
from app.sweep.sweep import sweep
from tests.support.linkedin import grant
from tests.support.oauth_world import OAuthWorld
from tests.support.threads import TIMEOUT_SECONDS, errors, run_beside, run_together
from tests.support.world import USER

ROUNDS = 6
AHEAD = timedelta(days=7)


@pytest.fixture
def oauth_world(database_url: str) -> Iterator[OAuthWorld]:
    made = OAuthWorld(database_url)
    yield made
    made.close()


def test_five_concurrent_refreshes_call_linkedin_once(oauth_world: OAuthWorld):
    for round_number in range(1, ROUNDS + 1):
        account = oauth_world.expiring_account()
        results = run_together([partial(refresh, oauth_world.deps, account.id, oauth_world.clock.now() + AHEAD)] * 5)
        assert sorted(results) == ["idle"] * 4 + ["refreshed"]
        assert len(oauth_world.linkedin.refreshed) == round_number


def test_sweep_during_a_refresh_does_not_call_linkedin(oauth_world: OAuthWorld):
    account, arrived, go_on = oauth_world.expiring_account(), threading.Event(), threading.Event()

    def slow() -> None:
        arrived.set()
        go_on.wait(TIMEOUT_SECONDS)

    oauth_world.linkedin.during_call = slow
    with run_beside(partial(refresh, oauth_world.deps, account.id, oauth_world.clock.now() + AHEAD)) as first:
        assert arrived.wait(TIMEOUT_SECONDS)
        sweep(oauth_world.deps)
        go_on.set()
    assert first.result() == "refreshed"
    assert len(oauth_world.linkedin.refreshed) == 1


def test_reconnect_during_a_refresh_keeps_the_new_token(oauth_world: OAuthWorld):
    for _ in range(ROUNDS):
        account = oauth_world.expiring_account()
        oauth_world.linkedin.default_answer = grant("of-the-refresh")
        reconnect = partial(oauth_world.expiring_account, AHEAD * 2, access_token="of-the-owner", refresh="theirs")
        results = run_together(
            [partial(refresh, oauth_world.deps, account.id, oauth_world.clock.now() + AHEAD), reconnect]
        )
        assert errors(results) == []
        assert oauth_world.tokens(account) == ("of-the-owner", "theirs")


def test_two_concurrent_callbacks_use_the_state_once(oauth_world: OAuthWorld):
    for round_number in range(1, ROUNDS + 1):
        started = begin(oauth_world.deps, USER)
        state = started.url.rpartition("state=")[2]
        results = run_together([partial(complete, oauth_world.deps, state, started.browser_secret, "code", "")] * 2)
        assert {type(result) for result in results} == {Account, Invalid}
        assert len(oauth_world.linkedin.exchanged) == round_number
