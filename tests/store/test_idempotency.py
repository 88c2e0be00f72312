"""The lock of an idempotency key, its lease, its answer and its expiry."""

from datetime import datetime, timedelta

import pytest

from app.store.operations import idempotency
from app.store.operations.idempotency import KeyLock, KeyRecord
from tests.support.fakes import START
from tests.support.rows import MICROSECOND, Rows, later

LEASE, DAY = timedelta(seconds=60), timedelta(hours=24)


def begin(rows: Rows, key: str = "k", user: str = "u", fingerprint: str = "same", now: datetime = START):
    bounds = {"now": now, "lease_until": now + LEASE, "keep": now + DAY}
    with rows.db.transaction() as tx:
        return idempotency.begin(tx, user, key, fingerprint, **bounds)


def locked(rows: Rows, **options) -> KeyLock:
    lock = begin(rows, **options)
    assert isinstance(lock, KeyLock)
    return lock


def finish(rows: Rows, lock: KeyLock, status: int = 201, body: str = "{}") -> bool:
    with rows.db.transaction() as tx:
        return idempotency.finish(tx, lock, status, {"Content-Type": "application/json"}, body)


def test_locked_key_is_in_flight_and_then_has_its_answer(rows: Rows):
    lock = locked(rows)
    assert begin(rows) == KeyRecord("same", None, {}, "")
    assert finish(rows, lock, 201, '{"é": 1}')
    assert begin(rows) == KeyRecord("same", 201, {"Content-Type": "application/json"}, '{"é": 1}')


def test_keys_of_different_users_are_independent(rows: Rows):
    locked(rows)
    locked(rows, user="v")
    locked(rows, key="l")


def test_lease_of_a_dead_holder_passes_at_its_end_to_the_same_request_only(rows: Rows):
    dead = locked(rows)
    assert begin(rows, now=START + LEASE - MICROSECOND) == KeyRecord("same", None, {}, "")
    assert begin(rows, now=START + LEASE, fingerprint="other") == KeyRecord("same", None, {}, "")
    heir = locked(rows, now=START + LEASE)
    assert not finish(rows, dead, body="late")
    assert finish(rows, heir, body="{}")
    assert begin(rows, now=START + LEASE) == KeyRecord("same", 201, {"Content-Type": "application/json"}, "{}")


def test_former_holder_cannot_release_the_key(rows: Rows):
    dead = locked(rows)
    locked(rows, now=START + LEASE)
    with rows.db.transaction() as tx:
        idempotency.release(tx, dead)
    assert begin(rows, now=START + LEASE) == KeyRecord("same", None, {}, "")


def test_released_key_is_new(rows: Rows):
    lock = locked(rows)
    with rows.db.transaction() as tx:
        idempotency.release(tx, lock)
    locked(rows, fingerprint="other")


def test_key_with_a_stored_answer_cannot_be_released(rows: Rows):
    lock = locked(rows)
    finish(rows, lock)
    with rows.db.transaction() as tx:
        idempotency.release(tx, lock)
    assert isinstance(begin(rows), KeyRecord)


def test_expired_key_is_new_for_any_request(rows: Rows):
    finish(rows, locked(rows))
    assert isinstance(begin(rows, now=START + DAY - MICROSECOND), KeyRecord)
    fresh = locked(rows, now=START + DAY, fingerprint="other")
    assert begin(rows, now=START + DAY, fingerprint="other") == KeyRecord("other", None, {}, "")
    assert finish(rows, fresh)


@pytest.mark.parametrize(("limit", "gone"), [(10, 3), (2, 2)])
def test_prune_deletes_only_expired_keys_up_to_the_limit(rows: Rows, limit: int, gone: int):
    for n in range(3):
        locked(rows, key=f"old-{n}")
    locked(rows, key="new", now=later(1))
    with rows.db.transaction() as tx:
        assert idempotency.prune(tx, START + DAY, limit) == gone
    assert isinstance(begin(rows, key="new", now=START + LEASE), KeyRecord)
