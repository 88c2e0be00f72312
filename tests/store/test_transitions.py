"""The values written by each transition, with its `transitions` row, in one transaction."""

from dataclasses import replace

import pytest

from app.domain.post import Post, Transition
from app.store.posts import leases, published, transitions
from app.store.schema.tables import new_id
from tests.support.databases import record_statements
from tests.support.fakes import START
from tests.support.rows import DUE, LEASE, Rows, fields, later, post_row
from tests.support.rows import claim as rows_claim

NOW = later(3600)
URN = "urn:li:share:1"
URL = f"https://www.linkedin.com/feed/update/{URN}/"
COUNTERS = ("generation", "attempt", "retry_count", "arm_count")
INSTANTS = ("scheduled_at", "next_attempt_at", "lease_until", "sending_at")
ALARM = ("message_id", "swept_at")


def line(rows: Rows, post: Post) -> Transition:
    (only,) = rows.transitions(post)
    return only


def test_create_writes_a_draft_with_all_counters_at_zero(rows: Rows):
    wanted = {name: post_row("draft")[name] for name in ("user_id", "platform", "post_type", "content", "media")}
    with rows.db.transaction() as tx:
        post = transitions.create(tx, wanted | {"id": new_id()}, now=NOW, actor="user:user-1")
    assert rows.read(post) == post
    assert (post.status, *fields(post, *COUNTERS, *INSTANTS, *ALARM)) == ("draft", 0, 0, 0, 0, *[None] * 6)
    assert (post.created_at, post.updated_at) == (NOW, NOW)
    assert line(rows, post) == Transition(NOW, None, "draft", "created", "user:user-1", 0, 0)


def test_edit_writes_only_its_values_and_updated_at(rows: Rows):
    post = rows.post("scheduled")
    with rows.db.transaction() as tx:
        edited = transitions.edit(tx, post, {"content": "new", "image_url": "https://x.test/i.png"}, now=NOW)
    expected = rows.change(post, content="new", image_url="https://x.test/i.png", updated_at=NOW)
    assert edited == expected
    assert rows.transitions(post) == []


@pytest.mark.parametrize(
    ("status", "reason"), [("draft", "scheduled"), ("failed", "scheduled"), ("scheduled", "rescheduled")]
)
def test_schedule_writes_a_new_generation_a_fresh_budget_and_no_message(rows: Rows, status: str, reason: str):
    post = rows.post(status, swept_at=DUE if status == "scheduled" else None)
    with rows.db.transaction() as tx:
        now = transitions.schedule(
            tx, post, at=later(7200), time_zone="Europe/Berlin", account_id=rows.account_id, now=NOW, actor="user:u"
        )
    assert now is not None
    assert rows.read(post) == now
    assert (now.status, *fields(now, *COUNTERS)) == ("scheduled", 4, post.attempt, 0, 5)
    assert fields(now, *INSTANTS, *ALARM) == (later(7200), later(7200), None, None, None, None)
    assert fields(now, "time_zone", "social_account_id") == ("Europe/Berlin", rows.account_id)
    assert fields(now, "error_code", "error_message", "updated_at") == (None, None, NOW)
    assert line(rows, post) == Transition(NOW, status, "scheduled", reason, "user:u", 4, post.attempt)


def test_unschedule_writes_a_draft_without_instant_and_a_new_generation(rows: Rows):
    post = rows.post("scheduled", time_zone="Europe/Berlin", swept_at=DUE, error_code="publisher_error")
    with rows.db.transaction() as tx:
        now = transitions.unschedule(tx, post, now=NOW, actor="user:u")
    assert now is not None
    assert (now.status, *fields(now, *COUNTERS)) == ("draft", 4, 0, 0, 4)
    assert fields(now, *INSTANTS, *ALARM, "time_zone", "error_code") == (None,) * 8
    assert line(rows, post) == Transition(NOW, "scheduled", "draft", "unscheduled", "user:u", 4, 0)


@pytest.mark.parametrize("status", ["draft", "scheduled", "failed"])
def test_cancel_writes_a_new_generation_and_keeps_the_promise(rows: Rows, status: str):
    post = rows.post(status)
    with rows.db.transaction() as tx:
        now = transitions.cancel(tx, post, now=NOW, actor="user:u")
    assert now is not None
    assert (now.status, *fields(now, *COUNTERS)) == ("cancelled", 4, post.attempt, 0, 4)
    assert fields(now, "next_attempt_at", *ALARM, "error_code") == (None, None, None, None)
    assert now.scheduled_at == post.scheduled_at
    assert line(rows, post) == Transition(NOW, status, "cancelled", "cancelled", "user:u", 4, post.attempt)


@pytest.mark.parametrize("status", ["failed", "publishing"])
def test_retry_by_hand_writes_due_now_a_fresh_budget_and_the_old_promise(rows: Rows, status: str):
    post = rows.post(status)
    with rows.db.transaction() as tx:
        now = transitions.retry_by_hand(tx, post, now=NOW, actor="user:u")
    assert now is not None
    assert (now.status, *fields(now, *COUNTERS)) == ("scheduled", 4, 1, 0, 5)
    assert fields(now, *INSTANTS, *ALARM, "error_code") == (DUE, NOW, None, None, None, None, None)
    assert line(rows, post) == Transition(NOW, status, "scheduled", "retried_by_hand", "user:u", 4, 1)


def test_fail_by_hand_writes_actor_and_message(rows: Rows):
    post = rows.post("publishing")
    with rows.db.transaction() as tx:
        now = transitions.fail_by_hand(tx, post, message="By hand.", now=NOW, actor="user:u")
    assert now is not None
    assert (now.status, *fields(now, *COUNTERS)) == ("failed", 4, 1, 0, 4)
    assert fields(now, "lease_until", "sending_at") == (None, None)
    assert fields(now, "error_code", "error_message") == ("failed_by_hand", "By hand.")
    assert line(rows, post) == Transition(NOW, "publishing", "failed", "failed_by_hand", "user:u", 4, 1)


@pytest.mark.parametrize("sending", [True, False])
def test_claim_writes_the_lease_the_attempt_and_its_row(rows: Rows, sending: bool):
    post = rows.post("scheduled", attempt=2, swept_at=DUE)
    with rows.db.transaction() as tx:
        now = rows_claim(tx, post, now=later(0.25, DUE), lease_until=LEASE, trigger="sweep", sending=sending)
    assert now is not None
    sent = later(0.25, DUE) if sending else None
    assert (now.status, *fields(now, *COUNTERS)) == ("publishing", 3, 3, 2, 4)
    assert fields(now, *INSTANTS, *ALARM) == (DUE, None, LEASE, sent, None, None)
    (attempt,) = rows.attempts(post)
    assert fields(attempt, "attempt", "generation", "trigger", "started_at") == (3, 3, "sweep", later(0.25, DUE))
    assert fields(attempt, "sent_at", "lateness_ms") == (sent, 250.0 if sending else None)
    assert fields(attempt, "finished_at", "outcome", "asked_at", "http_status") == (None,) * 4
    assert line(rows, post) == Transition(later(0.25, DUE), "scheduled", "publishing", "claimed", "sweep", 3, 3)


def test_claim_returns_the_row_as_claimed_not_as_read(rows: Rows):
    seen = rows.post("scheduled")
    rows.change(seen, content="edited meanwhile")
    with rows.db.transaction() as tx:
        now = rows_claim(tx, seen, now=NOW, lease_until=LEASE, trigger="message", sending=True)
    assert now is not None
    assert now.content == "edited meanwhile"


def test_extend_leases_writes_only_the_lease(rows: Rows):
    post = rows.post("publishing")
    with rows.db.transaction() as tx:
        assert leases.extend_leases(tx, [post], lease_until=later(60, LEASE), now=NOW)
    now = rows.read(post)
    assert now == rows.change(post, lease_until=later(60, LEASE), updated_at=NOW)
    assert rows.transitions(post) == []


def test_add_external_id_writes_only_the_id_and_only_once(rows: Rows):
    post = rows.post("published", external_post_id=None, external_url=None)
    for external_id, stored in ((URN, True), ("urn:li:share:2", False)):
        with rows.db.transaction() as tx:
            now = published.add_external_id(tx, post, external_id=external_id, now=NOW)
        assert (now is not None) is stored
    after = rows.read(post)
    assert after == replace(post, external_post_id=URN, external_url=URL, updated_at=NOW)
    assert rows.transitions(post) == []


@pytest.mark.parametrize("status", ["draft", "scheduled", "publishing", "failed", "cancelled"])
def test_add_external_id_to_a_post_that_is_not_published_changes_nothing(rows: Rows, status: str):
    post = rows.post(status)
    with rows.db.transaction() as tx:
        assert published.add_external_id(tx, post, external_id="urn:1", now=NOW) is None
    assert rows.read(post) == post


@pytest.mark.parametrize("status", ["draft", "scheduled", "publishing", "failed"])
def test_publish_writes_the_lateness_of_the_reported_attempt(rows: Rows, status: str):
    post = rows.post(status, attempt=2)
    rows.attempt(post, 1, sent_at=later(1, DUE), lateness_ms=1000.0)
    rows.attempt(post, 2, sent_at=later(99, DUE), lateness_ms=99000.0)
    with rows.db.transaction() as tx:
        now = transitions.publish(
            tx,
            post,
            attempt=1,
            external_id=URN,
            published_at=later(1, DUE),
            now=NOW,
            reason="published",
        )
    assert now is not None
    assert rows.read(post) == now
    assert (now.status, *fields(now, *COUNTERS)) == ("published", 3, 2, 2, 4)
    promise = later(1, DUE) if status == "draft" else DUE
    assert fields(now, *INSTANTS, *ALARM) == (promise, None, None, None, None, None)
    assert fields(now, "external_post_id", "external_url", "published_at") == (URN, URL, later(1, DUE))
    assert fields(now, "lateness_ms", "error_code", "error_message") == (1000.0, None, None)
    assert line(rows, post) == Transition(NOW, status, "published", "published", "publisher", 3, 2)


@pytest.mark.parametrize(("counted", "retry_count"), [(True, 3), (False, 2)])
def test_retry_writes_the_next_attempt_and_keeps_the_promise(rows: Rows, counted: bool, retry_count: int):
    post = rows.post("publishing")
    with rows.db.transaction() as tx:
        now = transitions.retry(tx, post, at=later(120, NOW), counted=counted, code="c", message="m", now=NOW)
    assert now is not None
    assert (now.status, *fields(now, *COUNTERS)) == ("scheduled", 3, 1, retry_count, 5)
    assert fields(now, *INSTANTS, *ALARM) == (DUE, later(120, NOW), None, None, None, None)
    assert fields(now, "error_code", "error_message") == ("c", "m")
    assert line(rows, post) == Transition(NOW, "publishing", "scheduled", "retry", "punctual", 3, 1)


@pytest.mark.parametrize(("counted", "retry_count"), [(True, 3), (False, 2)])
def test_fail_writes_code_message_and_reason(rows: Rows, counted: bool, retry_count: int):
    post = rows.post("publishing")
    with rows.db.transaction() as tx:
        now = transitions.fail(tx, post, code="c", message="m", counted=counted, now=NOW, reason="because")
    assert now is not None
    assert (now.status, *fields(now, *COUNTERS)) == ("failed", 3, 1, retry_count, 4)
    assert fields(now, *INSTANTS) == (DUE, None, None, None)
    assert fields(now, "error_code", "error_message") == ("c", "m")
    assert line(rows, post) == Transition(NOW, "publishing", "failed", "because", "punctual", 3, 1)


def test_defer_writes_a_later_attempt_and_keeps_the_budget(rows: Rows):
    post = rows.post("scheduled", swept_at=DUE)
    with rows.db.transaction() as tx:
        now = transitions.defer(tx, post, at=later(60, DUE), code="c", message="m", now=NOW, reason="breaker_open")
    assert now is not None
    assert (now.status, *fields(now, *COUNTERS)) == ("scheduled", 3, 0, 2, 5)
    assert fields(now, *INSTANTS, *ALARM) == (DUE, later(60, DUE), None, None, None, None)
    assert fields(now, "error_code", "error_message") == ("c", "m")
    assert line(rows, post) == Transition(NOW, "scheduled", "scheduled", "breaker_open", "punctual", 3, 0)


def test_rolled_back_transition_leaves_no_trace(rows: Rows):
    post = rows.post("scheduled")

    def claimed_and_then_broken() -> None:
        with rows.db.transaction() as tx:
            assert rows_claim(tx, post, now=NOW, lease_until=LEASE, trigger="message", sending=True)
            raise InterruptedError("planned failure")

    with pytest.raises(InterruptedError):
        claimed_and_then_broken()
    assert rows.read(post) == post
    assert rows.transitions(post) == []
    assert rows.attempts(post) == []
    assert post.updated_at == START


def test_transition_and_its_row_are_one_statement_on_postgresql(postgresql_url: str):
    rows = Rows(postgresql_url)
    post = rows.post("scheduled")
    with record_statements(rows.db.engine, "") as seen, rows.db.transaction() as tx:
        assert transitions.unschedule(tx, post, now=NOW, actor="user:u") is not None
        assert transitions.unschedule(tx, post, now=NOW, actor="user:u") is None
    assert len(seen) == 2
    assert [one.reason for one in rows.transitions(post)] == ["unscheduled"]
    rows.close()
