"""Concurrent requests with one idempotency key: exactly one begins."""

from datetime import timedelta
from functools import partial

from app.store.operations import idempotency
from app.store.operations.idempotency import KeyLock, KeyRecord
from tests.support.fakes import START
from tests.support.threads import errors, run_together
from tests.support.world import World

LEASE, DAY = timedelta(seconds=60), timedelta(hours=24)
ROUNDS = 4


def begin(world: World, key: str, now=START, fingerprint: str = "same"):
    with world.db.transaction() as tx:
        return idempotency.begin(tx, "u", key, fingerprint, now=now, lease_until=now + LEASE, keep=now + DAY)


def one_of(results: list) -> KeyLock:
    assert errors(results) == []
    (lock,) = [result for result in results if isinstance(result, KeyLock)]
    assert all(isinstance(result, KeyRecord) for result in results if result is not lock)
    return lock


def test_one_of_twenty_equal_requests_begins(pg_world: World):
    for n in range(ROUNDS):
        one_of(run_together([partial(begin, pg_world, f"k{n}")] * 20))


def test_one_of_twenty_requests_takes_over_an_expired_lock(pg_world: World):
    for n in range(ROUNDS):
        begin(pg_world, f"k{n}")
        one_of(run_together([partial(begin, pg_world, f"k{n}", START + LEASE)] * 20))


def test_one_of_twenty_requests_takes_over_an_outdated_key(pg_world: World):
    for n in range(ROUNDS):
        lock = begin(pg_world, f"k{n}")
        assert isinstance(lock, KeyLock)
        with pg_world.db.transaction() as tx:
            idempotency.finish(tx, lock, 201, {}, "{}")
        one_of(run_together([partial(begin, pg_world, f"k{n}", START + DAY, f"of {who}") for who in range(20)]))
