"""The claim of an idempotency key, its lease, its answer, and its end."""

from datetime import datetime, timedelta

import pytest

from app.store.operations import idempotency
from app.store.operations.idempotency import Claim, Known
from tests.support.fakes import START
from tests.support.rows import MICROSECOND, Rows, later

LEASE, DAY = timedelta(seconds=60), timedelta(hours=24)


def begin(rows: Rows, key: str = "k", user: str = "u", fingerprint: str = "same", now: datetime = START):
    bounds = {"now": now, "lease_until": now + LEASE, "keep": now + DAY}
    with rows.db.transaction() as tx:
        return idempotency.begin(tx, user, key, fingerprint, **bounds)


def claimed(rows: Rows, **options) -> Claim:
    claim = begin(rows, **options)
    assert isinstance(claim, Claim)
    return claim


def finish(rows: Rows, claim: Claim, status: int = 201, body: str = "{}") -> bool:
    with rows.db.transaction() as tx:
        return idempotency.finish(tx, claim, status, {"Content-Type": "application/json"}, body)


def test_a_key_that_is_claimed_is_under_way_and_then_has_its_answer(rows: Rows):
    claim = claimed(rows)
    assert begin(rows) == Known("same", None, {}, "")
    assert finish(rows, claim, 201, '{"é": 1}')
    assert begin(rows) == Known("same", 201, {"Content-Type": "application/json"}, '{"é": 1}')


def test_keys_of_different_users_know_nothing_of_each_other(rows: Rows):
    claimed(rows)
    claimed(rows, user="v")
    claimed(rows, key="l")


def test_a_lease_that_is_over_is_taken_by_the_same_request_only_and_at_its_very_end(rows: Rows):
    dead = claimed(rows)
    assert begin(rows, now=START + LEASE - MICROSECOND) == Known("same", None, {}, "")
    assert begin(rows, now=START + LEASE, fingerprint="other") == Known("same", None, {}, "")
    heir = claimed(rows, now=START + LEASE)
    assert not finish(rows, dead, body="late")
    assert finish(rows, heir, body="{}")
    assert begin(rows, now=START + LEASE) == Known("same", 201, {"Content-Type": "application/json"}, "{}")


def test_who_lost_the_key_cannot_give_it_back(rows: Rows):
    dead = claimed(rows)
    claimed(rows, now=START + LEASE)
    with rows.db.transaction() as tx:
        idempotency.give_back(tx, dead)
    assert begin(rows, now=START + LEASE) == Known("same", None, {}, "")


def test_a_key_that_is_given_back_is_new(rows: Rows):
    claim = claimed(rows)
    with rows.db.transaction() as tx:
        idempotency.give_back(tx, claim)
    claimed(rows, fingerprint="other")


def test_an_answer_that_was_kept_cannot_be_given_back(rows: Rows):
    claim = claimed(rows)
    finish(rows, claim)
    with rows.db.transaction() as tx:
        idempotency.give_back(tx, claim)
    assert isinstance(begin(rows), Known)


def test_after_a_day_a_key_is_new_for_any_request(rows: Rows):
    finish(rows, claimed(rows))
    assert isinstance(begin(rows, now=START + DAY - MICROSECOND), Known)
    fresh = claimed(rows, now=START + DAY, fingerprint="other")
    assert begin(rows, now=START + DAY, fingerprint="other") == Known("other", None, {}, "")
    assert finish(rows, fresh)


@pytest.mark.parametrize(("limit", "gone"), [(10, 3), (2, 2)])
def test_only_keys_past_their_day_are_pruned_and_no_more_than_the_limit(rows: Rows, limit: int, gone: int):
    for n in range(3):
        claimed(rows, key=f"old-{n}")
    claimed(rows, key="new", now=later(1))
    with rows.db.transaction() as tx:
        assert idempotency.prune(tx, START + DAY, limit) == gone
    assert isinstance(begin(rows, key="new", now=START + LEASE), Known)
