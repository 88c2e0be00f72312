"""Rows of attempts: a known outcome stays, and each attempt is closed on its own."""

import pytest

from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Attempt, Post
from app.store.posts import attempts
from tests.support.rows import DUE, Rows, fields, later

NOW = later(3600)
GOOD = (Outcome.PUBLISHED, Outcome.ALREADY_THERE)
BAD = (Outcome.NOT_SENT, Outcome.TRANSIENT, Outcome.PERMANENT, Outcome.RECONNECT)
VAGUE = (Outcome.ACCEPTED, Outcome.UNKNOWN)
KNOWN: dict[Outcome | None, set[Outcome]] = {
    None: set(Outcome),
    Outcome.ACCEPTED: set(Outcome) - {Outcome.ACCEPTED},
    Outcome.UNKNOWN: set(Outcome) - {Outcome.ACCEPTED},
    **{bad: set(GOOD) for bad in BAD},
    **{good: set() for good in GOOD},
}


def close(rows: Rows, post: Post, number: int, verdict: Verdict) -> bool:
    with rows.db.transaction() as tx:
        return attempts.close(tx, post.id, number, verdict, NOW)


def only(rows: Rows, post: Post) -> Attempt:
    (attempt,) = rows.attempts(post)
    return attempt


@pytest.mark.parametrize("known", KNOWN, ids=str)
def test_known_outcome_changes_only_to_published(rows: Rows, known: Outcome | None):
    for said in Outcome:
        post = rows.post("publishing")
        rows.attempt(post, 1, outcome=known)
        before = only(rows, post)
        written = close(rows, post, 1, Verdict(said, "code"))
        assert written is (said in KNOWN[known]), said
        after = only(rows, post)
        assert after.outcome == (said if written else known)
        assert written or after == before


def test_close_writes_the_verdict_and_the_instant(rows: Rows):
    post = rows.post("publishing")
    rows.attempt(post, 1, http_status=200)
    verdict = Verdict(Outcome.PERMANENT, "c", "for the author", "for the operator", 422, external_id="urn:1")
    assert close(rows, post, 1, verdict)
    attempt = only(rows, post)
    assert fields(attempt, "outcome", "finished_at", "error_code", "error") == (
        "permanent",
        NOW,
        "c",
        "for the operator",
    )
    assert fields(attempt, "http_status", "external_post_id") == (422, "urn:1")


def test_close_keeps_http_status_and_external_id_absent_from_the_verdict(rows: Rows):
    post = rows.post("publishing")
    rows.attempt(post, 1, http_status=200, external_post_id="urn:1")
    close(rows, post, 1, Verdict(Outcome.PUBLISHED))
    assert fields(only(rows, post), "http_status", "external_post_id") == (200, "urn:1")


def test_accepted_attempt_has_no_finished_at(rows: Rows):
    post = rows.post("publishing")
    rows.attempt(post, 1)
    assert close(rows, post, 1, Verdict(Outcome.ACCEPTED, http_status=200))
    assert fields(only(rows, post), "outcome", "finished_at") == ("accepted", None)


def test_close_changes_its_own_attempt_only(rows: Rows):
    post, other = rows.post("publishing", attempt=2), rows.post("publishing")
    for row, number in ((post, 1), (post, 2), (other, 1)):
        rows.attempt(row, number)
    assert close(rows, post, 2, Verdict(Outcome.PERMANENT, "c"))
    assert [a.outcome for a in rows.attempts(post) + rows.attempts(other)] == [None, "permanent", None]
    assert not close(rows, post, 3, Verdict(Outcome.PERMANENT, "c"))


def test_record_send_replaces_the_claims_instant(rows: Rows):
    post = rows.post("publishing")
    rows.attempt(post, 1, lateness_ms=0.0)
    rows.attempt(post, 2, lateness_ms=0.0)
    with rows.db.transaction() as tx:
        attempts.record_send(tx, post, sent_at=later(0.0125, DUE), accepted_at=later(0.5, DUE), http_status=200)
    first, second = rows.attempts(post)
    assert fields(first, "sent_at", "lateness_ms", "http_status") == (later(0.0125, DUE), 12.5, 200)
    assert (first.accepted_at, second.accepted_at) == (later(0.5, DUE), None)
    assert fields(second, "sent_at", "lateness_ms", "http_status") == (DUE, 0.0, None)


@pytest.mark.parametrize("status", ["scheduled", "publishing", "failed"])
def test_lateness_is_corrected_only_on_published_posts(rows: Rows, status: str):
    out, other = rows.post("published"), rows.post(status, attempt=1)
    for post in (out, other):
        rows.attempt(post, 1, outcome="published")
    with rows.db.transaction() as tx:
        attempts.correct_lateness(tx, out, later(0.0125, DUE))
        attempts.correct_lateness(tx, other, later(0.0125, DUE))
    assert rows.read(out).lateness_ms == 12.5
    assert rows.read(other) == other


@pytest.mark.parametrize("outcome", [None, "accepted", "unknown", "transient"])
def test_lateness_is_not_corrected_by_an_unpublished_attempt(rows: Rows, outcome: str | None):
    post = rows.post("published", attempt=2, lateness_ms=1.0)
    rows.attempt(post, 1, outcome="published")
    rows.attempt(post, 2, outcome=outcome)
    with rows.db.transaction() as tx:
        attempts.correct_lateness(tx, post, later(60, DUE))
    assert rows.read(post) == post


def test_attempts_are_read_in_order(rows: Rows):
    post = rows.post("publishing", attempt=3)
    for number in (2, 1, 3):
        rows.attempt(post, number)
    assert [attempt.attempt for attempt in rows.attempts(post)] == [1, 2, 3]
