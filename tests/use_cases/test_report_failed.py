"""Failure reports settle the current attempt and only record an older one. Also the execution claim."""

from datetime import timedelta

import pytest

from app.delivery.report import Applied, apply_report, grant_execution_claim
from app.domain.delivery import Dispatched
from app.domain.errors import Conflict
from app.domain.outcomes import Report
from app.sweep.sweep import sweep
from tests.support.fakes import unknown, urn_at
from tests.support.world import IN_TEN_MINUTES, World

URN = urn_at(IN_TEN_MINUTES)


def second_attempt(world: World):
    """Return a post with attempt 1 ended unknown and attempt 2 in flight."""
    post = world.due()
    world.publisher.answers(unknown())
    world.dispatch(post)
    world.after_lease(post)
    sweep(world.deps)
    world.at_due(post)
    assert world.dispatch(post) == Dispatched("dispatched")
    return world.read(post)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"http_status": 400}, "rejected_by_platform"),
        ({"http_status": 422, "error": "text too long"}, "rejected_by_platform"),
        ({"error_code": "VALIDATION_ERROR"}, "rejected_by_platform"),
        ({"retryable": False}, "rejected_by_platform"),
        ({"http_status": 401}, "reconnect_required"),
        ({"error_code": "190"}, "reconnect_required"),
        ({"error": '401 - {"code":"REVOKED_ACCESS_TOKEN"}'}, "reconnect_required"),
        ({"error_code": "DUPLICATE_POST", "error": "duplicate of urn:li:share:42"}, "duplicate_content"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())).replace(" ", "_"),
)
def test_permanent_failure_fails_the_post_with_a_reason_for_the_author(world: World, fields: dict, code: str):
    post = world.in_flight()
    assert world.report_failed(post, **fields) == Applied(True, "failed")
    after = world.read(post)
    assert (after.status, after.error_code, after.lease_until) == ("failed", code, None)
    assert after.error_message
    assert world.outcomes(post) == ["reconnect" if code == "reconnect_required" else "permanent"]


@pytest.mark.parametrize("fields", [{"http_status": 409}, {"http_status": 429}, {"retryable": True}], ids=str)
def test_transient_failure_is_retried_by_the_usual_backoff(world: World, fields: dict):
    post = world.in_flight()
    world.clock.advance(seconds=10)
    assert world.report_failed(post, **fields) == Applied(True, "scheduled")
    after = world.read(post)
    assert (after.retry_count, after.next_attempt_at) == (1, world.clock.now() + timedelta(minutes=2))
    code = "platform_busy" if fields.get("http_status") == 429 else "platform_error"
    assert (after.scheduled_at, after.armed, after.error_code) == (IN_TEN_MINUTES, True, code)


def test_transient_failure_of_the_last_retry_fails_the_post(world: World):
    post = world.in_flight()
    world.overwrite(post, retry_count=3)
    assert world.report_failed(post, http_status=429) == Applied(True, "failed")
    assert world.read(post).error_code == "retries_exhausted"


def test_replayed_failure_changes_nothing(world: World):
    post = world.failed()
    before = world.all_post_rows()
    assert world.report_failed(post, http_status=500) == Applied(False, "failed")
    assert world.all_post_rows() == before


def test_failure_of_an_older_attempt_is_recorded_and_leaves_the_newer_one(world: World):
    post = second_attempt(world)
    written = world.transitions(post)
    assert world.report_failed(post, http_status=400, attempt=1) == Applied(False, "publishing")
    assert world.read(post) == post
    assert world.transitions(post) == written
    assert world.outcomes(post) == ["permanent", "accepted"]


def test_failure_after_published_changes_nothing(world: World):
    post = world.published()
    before = world.all_post_rows()
    assert world.report_failed(post, http_status=400) == Applied(False, "published")
    assert world.all_post_rows() == before


def test_failure_without_attempt_is_ignored_if_two_attempts_may_be_meant(world: World):
    post = second_attempt(world)
    before = world.all_post_rows()
    assert world.report_failed(post, http_status=400) == Applied(False, "publishing")
    assert world.all_post_rows() == before


def test_duplicate_after_an_unknown_attempt_is_published_with_the_reported_urn(world: World):
    post = second_attempt(world)
    fields = {"http_status": 422, "error": f"duplicate of {URN}", "error_code": "DUPLICATE_POST", "attempt": 2}
    assert world.report_failed(post, **fields) == Applied(True, "published")
    after = world.read(post)
    assert (after.status, after.external_post_id, after.error_code) == ("published", URN, None)
    assert after.external_url == f"https://www.linkedin.com/feed/update/{URN}/"
    assert world.outcomes(post) == ["unknown", "already_there"]
    assert world.reasons(post)[-1] == "already_there"
    assert world.alerts() == {}


def test_duplicate_without_attempt_after_an_unknown_one_is_published(world: World):
    post = second_attempt(world)
    assert world.report_failed(post, error_code="DUPLICATE_POST", external_id=URN) == Applied(True, "published")


def test_duplicate_without_an_id_after_an_unknown_attempt_waits_for_a_person(world: World):
    post = second_attempt(world)
    assert world.report_failed(post, error_code="DUPLICATE_POST", attempt=2) == Applied(True, "failed")
    assert world.read(post).error_code == "outcome_unknown"
    assert world.outcomes(post) == ["unknown", "permanent"]
    assert world.report_published(post, attempt=1) == Applied(True, "published")


def test_duplicate_of_an_older_post_after_an_unknown_attempt_names_it(world: World):
    post = second_attempt(world)
    older = urn_at(IN_TEN_MINUTES - timedelta(minutes=1))
    fields = {"http_status": 422, "error": f"duplicate of {older}", "error_code": "DUPLICATE_POST", "attempt": 2}
    assert world.report_failed(post, **fields) == Applied(True, "failed")
    after = world.read(post)
    assert (after.error_code, after.external_post_id) == ("duplicate_content", None)
    assert older in (after.error_message or "")


def test_duplicate_of_another_post_of_ours_does_not_publish_this_one(world: World):
    twin = world.in_flight()
    world.report_published(twin, URN)
    post = second_attempt(world)
    ours = urn_at(world.clock.now())
    world.overwrite(twin, external_post_id=ours)
    fields = {"http_status": 422, "error": f"duplicate of {ours}", "error_code": "DUPLICATE_POST", "attempt": 2}
    assert world.report_failed(post, **fields) == Applied(True, "failed")
    assert world.read(post).error_code == "duplicate_content"


@pytest.mark.parametrize(
    ("content", "seconds", "code"),
    [("Hello", 0, "outcome_unknown"), ("Another", 0, None), ("Hello", 3_700, None), ("Hello", -60, None)],
    ids=["same text", "another text", "sent long before", "sent later"],
)
def test_duplicate_that_may_be_a_twin_in_flight_proves_nothing(
    world: World, content: str, seconds: int, code: str | None
):
    twin = world.in_flight(content=content)
    post = second_attempt(world)
    ours = urn_at(world.clock.now())
    world.overwrite_attempt(twin, 1, sent_at=world.clock.now() - timedelta(seconds=seconds))
    fields = {"http_status": 422, "error": f"duplicate of {ours}", "error_code": "DUPLICATE_POST", "attempt": 2}
    world.report_failed(post, **fields)
    after = world.read(post)
    assert (after.status, after.error_code) == (("failed", code) if code else ("published", None))


def test_duplicate_report_text_is_stored_bounded_and_without_nul(world: World):
    post = second_attempt(world)
    text = f"{URN} \0" + "x" * 5000
    assert world.report_failed(post, error_code="DUPLICATE_POST", error=text, attempt=2) == Applied(True, "published")
    kept = world.attempts(post)[1].error or ""
    assert "\0" not in kept
    assert len(kept) <= 1000


def test_overlong_urn_in_a_duplicate_report_proves_nothing(world: World):
    post = second_attempt(world)
    text = "urn:li:share:" + "4" * 500
    assert world.report_failed(post, error_code="DUPLICATE_POST", error=text, attempt=2) == Applied(True, "failed")
    assert world.read(post).error_code == "outcome_unknown"


QUOTES = ["REVOKED_ACCESS_TOKEN", "(#190)", f"DUPLICATE_POST {URN}", "DUPLICATE", "401", "validation"]


@pytest.mark.parametrize("quote", QUOTES)
def test_code_quoted_in_the_text_holds_no_account_and_ends_no_post(world: World, quote: str):
    post = second_attempt(world)
    error = f'Bad gateway, the post was "{quote}"'
    assert world.report_failed(post, http_status=503, error=error, attempt=2) == Applied(False, "publishing")
    assert (world.read(post).error_code, world.account_status()) == ("outcome_unknown", "active")
    assert world.outcomes(post) == ["unknown", "unknown"]


@pytest.mark.parametrize("fields", [{}, {"http_status": 503}, {"http_status": 401}, {"retryable": True}], ids=str)
def test_failure_with_the_platforms_id_publishes_the_post(world: World, fields: dict):
    post = world.in_flight()
    fields |= {"external_id": URN, "error": "The first comment failed."}
    assert world.report_failed(post, **fields) == Applied(True, "published")
    after = world.read(post)
    assert (after.external_post_id, after.next_attempt_at, world.account_status()) == (URN, None, "active")
    assert world.outcomes(post) == ["published"]
    assert world.attempts(post)[0].error == "The first comment failed."
    assert world.report_failed(post, **fields) == Applied(False, "published")
    assert world.alerts() == {}


@pytest.mark.parametrize("attempt", [0, 2, 999_999])
def test_failure_naming_an_attempt_never_made_is_received_and_changes_nothing(world: World, attempt: int):
    post = world.in_flight()
    before = world.all_post_rows()
    for status in (400, 500):
        assert world.report_failed(post, http_status=status, attempt=attempt) == Applied(False, "publishing")
    assert world.all_post_rows() == before


def test_failure_naming_an_unsent_attempt_says_nothing_of_the_one_before(world: World):
    post = second_attempt(world)
    world.overwrite_attempt(post, 2, sent_at=None)
    before = world.all_post_rows()
    assert world.report_failed(post, http_status=400, attempt=2) == Applied(False, "publishing")
    assert world.all_post_rows() == before


def test_failure_received_before_the_settle_is_not_overwritten_by_a_200(world: World):
    post = world.due()
    world.publisher.during_send = lambda _: world.report_failed(post, http_status=400)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.read(post).status == "failed"
    assert world.outcomes(post) == ["permanent"]
    assert world.reasons(post) == ["created", "scheduled", "claimed", "rejected_by_platform"]


def test_execution_claim_is_granted_once(world: World):
    post = world.in_flight()
    world.clock.advance(seconds=30)
    grant_execution_claim(world.deps, post.id, 1)
    assert world.attempts(post)[0].asked_at == world.clock.now()
    assert world.read(post).lease_until == world.clock.now() + timedelta(seconds=480)
    with pytest.raises(Conflict) as refused:
        grant_execution_claim(world.deps, post.id, 1)
    assert refused.value.code == "already_claimed"


def test_execution_claim_after_the_lease_or_for_another_attempt_is_refused(world: World):
    post = world.in_flight()
    for attempt in (0, 2):
        with pytest.raises(Conflict):
            grant_execution_claim(world.deps, post.id, attempt)
    world.clock.set(post.lease_until)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        grant_execution_claim(world.deps, post.id, 1)
    assert world.read(post) == post


@pytest.mark.parametrize("status", ["draft", "scheduled", "failed", "published", "cancelled"])
def test_execution_claim_for_a_post_not_in_flight_is_refused(world: World, status: str):
    post = world.in_status(status)
    with pytest.raises(Conflict):
        grant_execution_claim(world.deps, post.id, 1)
    assert world.read(post) == post


def test_revoked_token_report_for_an_older_attempt_does_not_mark_the_account(world: World):
    post = second_attempt(world)
    world.publisher.during_send = None
    assert world.report_failed(post, http_status=401, attempt=1) == Applied(False, "publishing")
    assert world.account_status() == "active"


def test_failure_report_that_loses_every_race_answers_changed_meanwhile(world: World):
    post = world.in_flight()
    for _ in range(5):  # the post changes between every read and its settle
        world.at_next_transaction(lambda: world.overwrite(post, generation=world.read(post).generation + 1))
    with pytest.raises(Conflict) as refused:
        apply_report(world.deps, Report(post.id, False, http_status=400))
    assert refused.value.code == "changed_meanwhile"
    assert world.read(post).status == "publishing"
