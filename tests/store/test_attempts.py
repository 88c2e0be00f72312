"""The record of every try: knowledge only grows, and each attempt is its own."""

import pytest

from app.domain.breaker import Breaker
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Attempt, Post
from app.store.accounts import accounts
from app.store.posts import attempts, queries
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
def test_what_is_known_is_not_unsaid_save_by_the_truth_that_the_post_is_out(rows: Rows, known: Outcome | None):
    for said in Outcome:
        post = rows.post("publishing")
        rows.attempt(post, 1, outcome=known)
        before = only(rows, post)
        written = close(rows, post, 1, Verdict(said, "code"))
        assert written is (said in KNOWN[known]), said
        after = only(rows, post)
        assert after.outcome == (said if written else known)
        assert written or after == before


def test_closing_writes_what_was_said_and_when(rows: Rows):
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


def test_closing_forgets_neither_a_status_nor_a_name_that_nothing_was_said_of(rows: Rows):
    post = rows.post("publishing")
    rows.attempt(post, 1, http_status=200, external_post_id="urn:1")
    close(rows, post, 1, Verdict(Outcome.PUBLISHED))
    assert fields(only(rows, post), "http_status", "external_post_id") == (200, "urn:1")


def test_an_accepted_attempt_is_not_finished(rows: Rows):
    post = rows.post("publishing")
    rows.attempt(post, 1)
    assert close(rows, post, 1, Verdict(Outcome.ACCEPTED, http_status=200))
    assert fields(only(rows, post), "outcome", "finished_at") == ("accepted", None)


def test_each_attempt_is_closed_alone(rows: Rows):
    post, other = rows.post("publishing", attempt=2), rows.post("publishing")
    for row, number in ((post, 1), (post, 2), (other, 1)):
        rows.attempt(row, number)
    assert close(rows, post, 2, Verdict(Outcome.PERMANENT, "c"))
    assert [a.outcome for a in rows.attempts(post) + rows.attempts(other)] == [None, "permanent", None]
    assert not close(rows, post, 3, Verdict(Outcome.PERMANENT, "c"))


def test_the_measured_instant_takes_the_place_of_the_claims(rows: Rows):
    post = rows.post("publishing")
    rows.attempt(post, 1, lateness_ms=0.0)
    rows.attempt(post, 2, lateness_ms=0.0)
    with rows.db.transaction() as tx:
        attempts.record_send(tx, post, sent_at=later(0.0125, DUE), http_status=200)
    first, second = rows.attempts(post)
    assert fields(first, "sent_at", "lateness_ms", "http_status") == (later(0.0125, DUE), 12.5, 200)
    assert fields(second, "sent_at", "lateness_ms", "http_status") == (DUE, 0.0, None)


@pytest.mark.parametrize("status", ["scheduled", "publishing", "failed"])
def test_the_lateness_of_a_post_is_corrected_only_once_it_is_out(rows: Rows, status: str):
    out, other = rows.post("published"), rows.post(status, attempt=1)
    for post in (out, other):
        rows.attempt(post, 1, outcome="published")
    with rows.db.transaction() as tx:
        attempts.correct_lateness(tx, out, later(0.0125, DUE))
        attempts.correct_lateness(tx, other, later(0.0125, DUE))
    assert rows.read(out).lateness_ms == 12.5
    assert rows.read(other) == other


@pytest.mark.parametrize("outcome", [None, "accepted", "unknown", "transient"])
def test_the_lateness_of_a_post_is_not_corrected_by_an_attempt_that_is_not_the_one_that_is_out(
    rows: Rows, outcome: str | None
):
    post = rows.post("published", attempt=2, lateness_ms=1.0)
    rows.attempt(post, 1, outcome="published")
    rows.attempt(post, 2, outcome=outcome)
    with rows.db.transaction() as tx:
        attempts.correct_lateness(tx, post, later(60, DUE))
    assert rows.read(post) == post


def test_the_timeline_is_told_from_the_beginning(rows: Rows):
    post = rows.post("publishing", attempt=3)
    for number in (2, 1, 3):
        rows.attempt(post, number)
    assert [attempt.attempt for attempt in rows.attempts(post)] == [1, 2, 3]


def test_an_account_that_posts_wait_for_is_in_use(rows: Rows):
    for status in ("draft", "scheduled", "publishing", "published", "failed", "cancelled"):
        rows.post(status)
    with rows.db.reading() as connection:
        assert accounts.in_use(connection, rows.account_id) == 2


def test_held_posts_are_the_scheduled_ones_that_wait_for_their_own_account(rows: Rows):
    held = rows.post("scheduled", error_code="reconnect_required")
    rows.post("scheduled", error_code="publisher_error")
    rows.post("scheduled")
    rows.post("scheduled", error_code="reconnect_required", social_account_id=None)
    rows.post("failed", error_code="reconnect_required")
    with rows.db.reading() as connection:
        assert accounts.held_posts(connection, rows.account_id) == [held.id]
        found, account, circuit = queries.delivery_of(connection, held.id)
    assert (found, circuit) == (held, Breaker())
    assert account is not None
    assert account.id == rows.account_id


def test_a_mark_is_on_one_account_alone(rows: Rows):
    with rows.db.transaction() as tx:
        mine = accounts.by_identity(tx, "user-1", "linkedin", "urn:li:person:1")
        values = {"id": "00000000-0000-4000-8000-000000000001", "user_id": "user-1", "platform": "facebook"}
        values |= {"external_id": "page", "account_name": "Page", "access_token": "sealed"}
        other = accounts.create(tx, values, NOW)
        accounts.mark_reconnect(tx, rows.account_id, NOW, sent_at=NOW)
        marked = accounts.by_identity(tx, "user-1", "linkedin", "urn:li:person:1")
    assert (mine and mine.status, marked and marked.status) == ("active", "reconnect_required")
    with rows.db.reading() as connection:
        assert other in accounts.page(connection, "user-1", {}, 10, None)
        assert accounts.usable(connection, "user-1", None, None, "facebook") == [other]
        assert accounts.page(connection, "user-2", {}, 10, None) == []


@pytest.mark.parametrize(("seconds", "status"), [(-1, "active"), (0, "reconnect_required")])
def test_a_mark_is_for_the_token_that_was_sent_and_not_for_a_newer_one(rows: Rows, seconds: int, status: str):
    with rows.db.transaction() as tx:
        accounts.mark_reconnect(tx, rows.account_id, NOW, sent_at=later(seconds))
    with rows.db.reading() as connection:
        (account,) = accounts.page(connection, "user-1", {}, 10, None)
    assert account.status == status
