"""The conditions of each transition: if one fails, the row stays and no transition is recorded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from app.domain.lifecycle import ALLOWED, FINAL, Status
from app.domain.post import Post
from app.store.posts import attempts, leases, transitions
from app.store.schema.tables import new_id
from tests.support.rows import DUE, LEASE, MICROSECOND, Rows, later
from tests.support.rows import claim as rows_claim

NOW = later(3600)
WORDS: dict[str, Any] = {"now": NOW, "actor": "user:user-1"}
Transition = Callable[[Connection, Post], Post | None]

TRANSITIONS: dict[str, tuple[str, Transition]] = {
    "schedule a draft": ("draft", lambda tx, p: schedule(tx, p)),
    "reschedule": ("scheduled", lambda tx, p: schedule(tx, p)),
    "schedule a failed post": ("failed", lambda tx, p: schedule(tx, p)),
    "unschedule": ("scheduled", lambda tx, p: transitions.unschedule(tx, p, **WORDS)),
    "cancel": ("scheduled", lambda tx, p: transitions.cancel(tx, p, **WORDS)),
    "edit": ("scheduled", lambda tx, p: transitions.edit(tx, p, {"content": "new"}, now=NOW)),
    "retry by hand": ("publishing", lambda tx, p: transitions.retry_by_hand(tx, p, **WORDS)),
    "retry a failed post by hand": ("failed", lambda tx, p: transitions.retry_by_hand(tx, p, **WORDS)),
    "fail by hand": ("publishing", lambda tx, p: transitions.fail_by_hand(tx, p, message="…", **WORDS)),
    "claim": ("scheduled", lambda tx, p: claim(tx, p)),
    "extend the lease": ("publishing", lambda tx, p: p if extend(tx, p) else None),
    "publish": ("publishing", lambda tx, p: publish(tx, p)),
    "publish late": ("scheduled", lambda tx, p: publish(tx, p)),
    "retry": ("publishing", lambda tx, p: retry(tx, p)),
    "fail": ("publishing", lambda tx, p: fail(tx, p)),
    "defer": ("scheduled", lambda tx, p: defer(tx, p)),
    "hold a scheduled post": ("scheduled", lambda tx, p: hold(tx, p)),
    "hold a publishing post": ("publishing", lambda tx, p: hold(tx, p)),
}
LEFT_TO_THE_CHECKS = ("publish", "publish late", "retry", "defer")  # their callers hold the right post already
FENCED_BY_ATTEMPT = [name for name in TRANSITIONS if name != "claim"]


def schedule(tx: Connection, post: Post) -> Post | None:
    assert post.social_account_id is not None
    return transitions.schedule(tx, post, at=NOW, time_zone=None, account_id=post.social_account_id, **WORDS)


def claim(tx: Connection, post: Post) -> Post | None:
    return rows_claim(tx, post, now=NOW, lease_until=later(9999), trigger="message", sending=True)


def extend(tx: Connection, post: Post) -> bool:
    return bool(leases.extend_leases(tx, [post], lease_until=later(9999), now=NOW))


def publish(tx: Connection, post: Post) -> Post | None:
    return transitions.publish(tx, post, attempt=1, external_id="urn", published_at=NOW, now=NOW, reason="published")


def retry(tx: Connection, post: Post) -> Post | None:
    return transitions.retry(tx, post, at=later(9999), counted=True, code="c", message="m", now=NOW)


def fail(tx: Connection, post: Post) -> Post | None:
    return transitions.fail(tx, post, code="c", message="m", counted=True, now=NOW, reason="c")


def defer(tx: Connection, post: Post) -> Post | None:
    return transitions.defer(tx, post, at=later(9999), code=None, message=None, now=NOW, reason="breaker_open")


def hold(tx: Connection, post: Post) -> Post | None:
    return transitions.hold_after_restore(tx, post, code="outcome_unknown", message="m", lost_armings=60, now=NOW)


def ran(rows: Rows, name: str, post: Post) -> bool:
    with rows.db.transaction() as tx:
        return TRANSITIONS[name][1](tx, post) is not None


def assert_untouched(rows: Rows, name: str, row: Post, seen: Post) -> None:
    before = rows.read(row)
    assert not ran(rows, name, seen)
    assert rows.read(row) == before
    assert rows.transitions(row) == []
    assert rows.attempts(row) == []


@pytest.mark.parametrize("name", TRANSITIONS)
def test_transition_of_an_unchanged_row_succeeds(rows: Rows, name: str):
    assert ran(rows, name, rows.post(TRANSITIONS[name][0]))


@pytest.mark.parametrize("name", TRANSITIONS)
def test_transition_changes_no_other_post(rows: Rows, name: str):
    post, other = rows.post(TRANSITIONS[name][0]), rows.post(TRANSITIONS[name][0])
    assert ran(rows, name, post)
    assert rows.read(other) == other
    assert rows.transitions(other) == []


@pytest.mark.parametrize("name", TRANSITIONS)
def test_transition_of_a_missing_post_changes_nothing(rows: Rows, name: str):
    post = rows.post(TRANSITIONS[name][0])
    assert_untouched(rows, name, post, replace(post, id=new_id()))


@pytest.mark.parametrize("name", TRANSITIONS)
def test_transition_with_another_generation_changes_nothing(rows: Rows, name: str):
    post = rows.post(TRANSITIONS[name][0])
    for off in (-1, 1):
        assert_untouched(rows, name, post, replace(post, generation=post.generation + off))


@pytest.mark.parametrize("name", FENCED_BY_ATTEMPT)
def test_transition_with_another_attempt_changes_nothing(rows: Rows, name: str):
    post = rows.post(TRANSITIONS[name][0], attempt=5)
    for off in (-1, 1):
        assert_untouched(rows, name, post, replace(post, attempt=5 + off))


@pytest.mark.parametrize("name", TRANSITIONS)
def test_transition_of_a_row_in_another_status_changes_nothing(rows: Rows, name: str):
    status = TRANSITIONS[name][0]
    seen = rows.post(status, attempt=1)
    for moved_to in [
        s for s in ("draft", "scheduled", "publishing", "published", "failed", "cancelled") if s != status
    ]:
        row = rows.post(moved_to, attempt=1)
        assert_untouched(rows, name, row, replace(seen, id=row.id, generation=row.generation))


@pytest.mark.parametrize("name", TRANSITIONS)
def test_transition_forbidden_by_the_lifecycle_changes_nothing(rows: Rows, name: str):
    for status in Status:
        assert_allowed(rows, name, status)


def assert_allowed(rows: Rows, name: str, status: Status) -> None:
    post = rows.post(status, attempt=1)
    try:
        made = ran(rows, name, post)
    except IntegrityError:
        assert name in LEFT_TO_THE_CHECKS
        made = False
    after = rows.read(post)
    assert after.status in ALLOWED[status] | {status}
    assert made or (after, rows.transitions(post)) == (post, [])
    assert not (made and status in FINAL)


def test_claim_before_the_due_instant_is_refused(rows: Rows):
    post = rows.post("scheduled")
    early: dict[str, Any] = {"lease_until": LEASE, "trigger": "message", "sending": True}
    with rows.db.transaction() as tx:
        assert rows_claim(tx, post, now=DUE - MICROSECOND, **early) is None
    assert rows.read(post) == post
    assert (rows.attempts(post), rows.transitions(post)) == ([], [])
    with rows.db.transaction() as tx:
        assert rows_claim(tx, post, now=DUE, **early) is not None


def test_claim_compares_the_rows_due_instant_not_the_readers(rows: Rows):
    post = rows.change(rows.post("scheduled"), next_attempt_at=later(1, NOW))
    assert_untouched(rows, "claim", post, replace(post, next_attempt_at=DUE))


@pytest.mark.parametrize("name", ["retry by hand", "fail by hand"])
def test_transition_by_hand_within_the_lease_is_refused(rows: Rows, name: str):
    held = rows.post("publishing", lease_until=NOW)
    assert_untouched(rows, name, held, held)
    assert ran(rows, name, rows.post("publishing", lease_until=NOW - MICROSECOND))


def test_retry_by_hand_is_refused_after_the_lease_was_renewed(rows: Rows):
    seen = rows.post("publishing")
    row = rows.change(seen, lease_until=later(60, NOW))
    assert_untouched(rows, "retry by hand", row, seen)


def test_defer_is_refused_after_the_due_instant_moved(rows: Rows):
    seen = rows.post("scheduled")
    row = rows.change(seen, next_attempt_at=later(1, DUE))
    assert_untouched(rows, "defer", row, seen)


@pytest.mark.parametrize("lost", ["status", "attempt", "lease over", "asked before", "post"])
def test_execution_claim_is_refused_when_any_condition_fails(rows: Rows, lost: str):
    post = rows.post("failed" if lost == "status" else "publishing")
    rows.attempt(post, asked_at=DUE if lost == "asked before" else None)
    before = rows.attempts(post)
    with rows.db.transaction() as tx:
        post_id = new_id() if lost == "post" else post.id
        now = LEASE if lost == "lease over" else LEASE - MICROSECOND
        granted = attempts.grant_execution_claim(
            tx, post_id, 2 if lost == "attempt" else 1, now=now, lease_until=later(9999)
        )
    assert not granted
    assert rows.attempts(post) == before


@pytest.mark.parametrize("microseconds", [-1, 0, 1])
def test_attach_within_the_lease_is_refused_though_a_report_is_taken(rows: Rows, microseconds: int):
    post = rows.post("publishing")
    now = LEASE + microseconds * MICROSECOND
    values: dict[str, Any] = {"attempt": 1, "external_id": "urn", "published_at": now, "now": now, "reason": "attached"}
    with rows.db.transaction() as tx:
        attached = transitions.publish(tx, post, in_flight=False, **values)
        assert (attached is not None) == (microseconds > 0)
        assert attached or transitions.publish(tx, post, **values)
