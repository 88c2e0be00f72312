"""The rotation of keys beside refreshes, reconnections, locks and a second rotation: no token is lost."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from app.accounts.refresh import refresh
from app.accounts.rotate import Rotated, rotate_encryption
from app.store.engine import Database, TimeLimits, make_engine
from app.store.schema.tables import social_accounts
from tests.races.test_locked_rows import locked
from tests.support.key_world import NEW, OLD, A, Keys
from tests.support.linkedin import grant
from tests.support.threads import TIMEOUT_SECONDS, errors, run_beside, run_together

AHEAD = timedelta(days=7)
ROUNDS = 6


@pytest.fixture
def keys(database_url: str) -> Iterator[Keys]:
    made = Keys(database_url)
    yield made
    made.close()


def test_refresh_beside_a_rotation_keeps_the_platforms_new_token(keys: Keys):
    for number in range(ROUNDS):
        keys.use(OLD)
        account = keys.expiring_account(external_id=f"urn:li:person:{number}")
        keys.expiring_account(external_id=f"urn:li:person:other-{number}")
        keys.use(NEW, OLD)
        keys.linkedin.default_answer = grant(f"access-of-{number}", f"refresh-of-{number}")
        works: list[Callable[[], Any]] = [partial(refresh, keys.deps, account.id, keys.clock.now() + AHEAD)]
        refreshed, rotated = run_together([*works, partial(rotate_encryption, keys.deps)])
        assert refreshed == "refreshed"
        assert isinstance(rotated, Rotated)
        assert rotated.unreadable == []
        assert keys.tokens(account) == (f"access-of-{number}", f"refresh-of-{number}")
        assert rotate_encryption(keys.deps).complete
    keys.use(NEW)
    assert rotate_encryption(keys.deps) == Rotated(current=ROUNDS * 4)


def test_rotation_during_the_call_to_the_platform_leaves_the_answer_its_row(keys: Keys):
    account = keys.expiring_account()
    other = keys.expiring_account(external_id="urn:li:person:2")
    keys.use(NEW, OLD)
    arrived, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        arrived.set()
        go_on.wait(TIMEOUT_SECONDS)

    keys.linkedin.during_call = slow
    keys.linkedin.default_answer = grant("fresh", "fresh-refresh")
    with run_beside(partial(refresh, keys.deps, account.id, keys.clock.now() + AHEAD)) as first:
        assert arrived.wait(TIMEOUT_SECONDS)
        done = rotate_encryption(keys.deps)
        go_on.set()
    assert first.result() == "refreshed"
    assert (done.encrypted, len(done.busy), done.complete) == (2, 2, False)
    keys.use(NEW)
    assert [keys.tokens(one) for one in (account, other)] == [("fresh", "fresh-refresh"), ("access-1", "refresh-1")]


def test_reconnection_beside_a_rotation_keeps_the_owners_token(keys: Keys):
    for number in range(ROUNDS):
        keys.use(OLD)
        account = keys.expiring_account()
        keys.use(NEW, OLD)
        reconnect = partial(keys.expiring_account, access_token=f"theirs-{number}", refresh=f"theirs-too-{number}")
        assert errors(run_together([partial(rotate_encryption, keys.deps), reconnect])) == []
        assert keys.tokens(account) == (f"theirs-{number}", f"theirs-too-{number}")


def test_two_rotations_at_once_finish_together(keys: Keys):
    accounts = keys.accounts_of(20)
    keys.use(NEW, OLD)
    results = run_together([partial(rotate_encryption, keys.deps)] * 3)
    assert errors(results) == []
    assert sum(done.encrypted for done in results) == 40
    assert all(done.complete for done in results)
    keys.use(NEW)
    assert {keys.tokens(account) for account in accounts} == {("access-1", "refresh-1")}


def test_locked_account_delays_the_rotation_of_that_account_alone(postgresql_url: str):
    keys, other = Keys(postgresql_url), Database(make_engine(postgresql_url))
    accounts = keys.accounts_of(5)
    keys.db.close()
    keys.db = type(keys.db)(make_engine(postgresql_url, TimeLimits(lock=0.2, statement=20.0, idle_transaction=20.0)))
    keys.with_deps(db=keys.db)
    keys.use(NEW, OLD)
    held = accounts[2].id
    with locked(other, social_accounts, A.id == held):
        done = rotate_encryption(keys.deps)
    names = [f"social_accounts.{column} {held}" for column in ("access_token", "refresh_token")]
    assert (done.encrypted, done.busy, done.unreadable) == (8, names, [])
    assert rotate_encryption(keys.deps) == Rotated(encrypted=2, current=8)
    keys.close()
    other.close()
