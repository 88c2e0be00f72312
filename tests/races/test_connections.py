"""Tokens and states at the same time: one of two gets the turn, one of two gets the state."""

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
from tests.support.oauth_world import ConnectedWorld
from tests.support.threads import PATIENCE, beside, errors, together
from tests.support.world import USER

ROUNDS = 6
AHEAD = timedelta(days=7)


@pytest.fixture
def linked(database_url: str) -> Iterator[ConnectedWorld]:
    made = ConnectedWorld(database_url)
    yield made
    made.close()


def test_of_five_refreshes_at_once_one_asks_linkedin(linked: ConnectedWorld):
    for round_number in range(1, ROUNDS + 1):
        account = linked.ending()
        results = together([partial(refresh, linked.deps, account.id, linked.clock.now() + AHEAD)] * 5)
        assert sorted(results) == ["idle"] * 4 + ["refreshed"]
        assert len(linked.linkedin.refreshed) == round_number


def test_while_one_waits_for_linkedin_the_sweep_does_not_ask_too(linked: ConnectedWorld):
    account, arrived, go_on = linked.ending(), threading.Event(), threading.Event()

    def slow() -> None:
        arrived.set()
        go_on.wait(PATIENCE)

    linked.linkedin.during_call = slow
    with beside(partial(refresh, linked.deps, account.id, linked.clock.now() + AHEAD)) as first:
        assert arrived.wait(PATIENCE)
        sweep(linked.deps)
        go_on.set()
    assert first.result() == "refreshed"
    assert len(linked.linkedin.refreshed) == 1


def test_an_owner_who_reconnects_beside_a_refresh_has_the_last_word(linked: ConnectedWorld):
    for _ in range(ROUNDS):
        account = linked.ending()
        linked.linkedin.usual = grant("of-the-refresh")
        reconnect = partial(linked.ending, AHEAD * 2, access_token="of-the-owner", refresh="theirs")
        results = together([partial(refresh, linked.deps, account.id, linked.clock.now() + AHEAD), reconnect])
        assert errors(results) == []
        assert linked.tokens(account) == ("of-the-owner", "theirs")


def test_of_two_callbacks_at_once_one_gets_the_state(linked: ConnectedWorld):
    for round_number in range(1, ROUNDS + 1):
        started = begin(linked.deps, USER)
        state = started.url.rpartition("state=")[2]
        results = together([partial(complete, linked.deps, state, started.browser_secret, "code", "")] * 2)
        assert {type(result) for result in results} == {Account, Invalid}
        assert len(linked.linkedin.exchanged) == round_number
