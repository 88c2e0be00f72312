"""The report that a post failed: settles the attempt in hand, only records an older one; and the permission to go."""

from datetime import timedelta

import pytest

from app.delivery.report import Applied, grant, report
from app.delivery.settle import Dispatched
from app.domain.errors import Conflict
from app.domain.outcomes import Report
from app.sweep.sweep import sweep
from tests.support.fakes import unknown
from tests.support.world import IN_TEN_MINUTES, World

URN = "urn:li:share:42"


def second_attempt(world: World):
    """Attempt 1 ended unknown, attempt 2 is in flight."""
    post = world.due()
    world.publisher.answers(unknown())
    world.dispatch(post)
    world.after_lease(post)
    sweep(world.deps)
    world.at_due(post)
    assert world.dispatch(post) == Dispatched("dispatched")
    return world.read(post)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"http_status": 400}, "rejected_by_platform"),
        ({"http_status": 422, "error": "text too long"}, "rejected_by_platform"),
        ({"error_code": "VALIDATION_ERROR"}, "rejected_by_platform"),
        ({"retryable": False}, "rejected_by_platform"),
        ({"http_status": 401}, "reconnect_required"),
        ({"error_code": "190"}, "reconnect_required"),
        ({"error": "REVOKED_ACCESS_TOKEN: the token was revoked"}, "reconnect_required"),
        ({"error_code": "DUPLICATE_POST", "error": f"duplicate of {URN}"}, "duplicate_content"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values())).replace(" ", "_"),
)
def test_a_permanent_failure_fails_the_post_with_a_reason_an_author_understands(world: World, said: dict, code: str):
    post = world.in_flight()
    assert world.report_failed(post, **said) == Applied(True, "failed")
    now = world.read(post)
    assert (now.status, now.error_code, now.lease_until) == ("failed", code, None)
    assert now.error_message
    assert world.outcomes(post) == ["reconnect" if code == "reconnect_required" else "permanent"]


@pytest.mark.parametrize("said", [{}, {"http_status": 500}, {"http_status": 429}, {"retryable": True}], ids=str)
def test_a_transient_failure_is_tried_again_by_the_same_policy(world: World, said: dict):
    post = world.in_flight()
    world.clock.advance(seconds=10)
    assert world.report_failed(post, **said) == Applied(True, "scheduled")
    now = world.read(post)
    assert (now.retry_count, now.next_attempt_at) == (1, world.clock.now() + timedelta(minutes=2))
    code = "platform_busy" if said.get("http_status") == 429 else "platform_error"
    assert (now.scheduled_at, now.armed, now.error_code) == (IN_TEN_MINUTES, True, code)


def test_a_transient_failure_of_the_last_try_fails_the_post(world: World):
    post = world.in_flight()
    world.overwrite(post, retry_count=3)
    assert world.report_failed(post, http_status=500) == Applied(True, "failed")
    assert world.read(post).error_code == "retries_exhausted"


def test_a_replay_of_a_failure_changes_nothing(world: World):
    post = world.failed()
    before = world.everything()
    assert world.report_failed(post, http_status=500) == Applied(False, "failed")
    assert world.everything() == before


def test_a_failure_of_an_older_attempt_is_recorded_and_does_not_touch_the_newer_one(world: World):
    post = second_attempt(world)
    written = world.transitions(post)
    assert world.report_failed(post, http_status=400, attempt=1) == Applied(False, "publishing")
    assert world.read(post) == post
    assert world.transitions(post) == written
    assert world.outcomes(post) == ["permanent", "accepted"]


def test_a_failure_after_the_truth_does_not_unsay_it(world: World):
    post = world.published()
    before = world.everything()
    assert world.report_failed(post, http_status=400) == Applied(False, "published")
    assert world.everything() == before


def test_a_failure_that_names_no_attempt_is_not_guessed_where_two_may_be_meant(world: World):
    post = second_attempt(world)
    before = world.everything()
    assert world.report_failed(post, http_status=500) == Applied(False, "publishing")
    assert world.everything() == before


def test_a_failure_that_names_no_attempt_is_the_latest_where_the_earlier_ones_are_known_not_to_be_out(world: World):
    post = second_attempt(world)
    world.report_failed(post, http_status=400, attempt=1)
    assert world.report_failed(post, http_status=400) == Applied(True, "failed")
    assert world.outcomes(post) == ["permanent", "permanent"]


def test_refused_as_a_duplicate_after_an_attempt_that_may_be_out_is_published_under_that_name(world: World):
    post = second_attempt(world)
    said = {"http_status": 422, "error": f"DUPLICATE_POST: duplicate of {URN}", "attempt": 2}
    assert world.report_failed(post, **said) == Applied(True, "published")
    now = world.read(post)
    assert (now.status, now.external_post_id, now.error_code) == ("published", URN, None)
    assert now.external_url == f"https://www.linkedin.com/feed/update/{URN}/"
    assert world.outcomes(post) == ["unknown", "already_there"]
    assert world.reasons(post)[-1] == "already_there"
    assert world.alerts() == {}


def test_refused_as_a_duplicate_without_naming_an_attempt_is_published_all_the_same(world: World):
    post = second_attempt(world)
    assert world.report_failed(post, error_code="506") == Applied(True, "published")


def test_the_text_of_a_duplicate_report_is_kept_bounded_and_without_nul(world: World):
    post = second_attempt(world)
    text = f"DUPLICATE_POST {URN} \0" + "x" * 5000
    assert world.report_failed(post, http_status=422, error=text, attempt=2) == Applied(True, "published")
    kept = world.attempts(post)[1].error or ""
    assert "\0" not in kept
    assert len(kept) <= 1000


def test_a_name_in_a_report_longer_than_any_name_is_in_nobodys_way(world: World):
    post = second_attempt(world)
    text = "DUPLICATE_POST urn:li:share:" + "4" * 500
    assert world.report_failed(post, http_status=422, error=text, attempt=2) == Applied(True, "published")


def test_a_failure_that_overtakes_our_own_settle_is_applied_once_and_not_unsaid_by_a_200(world: World):
    post = world.due()
    world.publisher.during_send = lambda _: world.report_failed(post, http_status=400)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.read(post).status == "failed"
    assert world.outcomes(post) == ["permanent"]
    assert world.reasons(post) == ["created", "scheduled", "claimed", "rejected_by_platform"]


def test_a_workflow_may_ask_once_whether_it_may_publish(world: World):
    post = world.in_flight()
    world.clock.advance(seconds=30)
    grant(world.deps, post.id, 1)
    assert world.attempts(post)[0].asked_at == world.clock.now()
    assert world.read(post).lease_until == world.clock.now() + timedelta(seconds=600)
    with pytest.raises(Conflict) as refused:
        grant(world.deps, post.id, 1)
    assert refused.value.code == "already_claimed"


def test_a_workflow_that_asks_too_late_or_for_another_attempt_may_not_publish(world: World):
    post = world.in_flight()
    for attempt in (0, 2):
        with pytest.raises(Conflict):
            grant(world.deps, post.id, attempt)
    world.clock.set(post.lease_until)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        grant(world.deps, post.id, 1)
    assert world.read(post) == post


@pytest.mark.parametrize("status", ["draft", "scheduled", "failed", "published", "cancelled"])
def test_no_workflow_may_publish_what_is_not_in_flight(world: World, status: str):
    post = world.in_status(status)
    with pytest.raises(Conflict):
        grant(world.deps, post.id, 1)
    assert world.read(post) == post


def test_a_report_of_a_revoked_token_that_comes_too_late_does_not_mark_the_account(world: World):
    post = second_attempt(world)
    world.publisher.during_send = None
    assert world.report_failed(post, http_status=401, attempt=1) == Applied(False, "publishing")
    assert world.account_status() == "active"


def test_a_failure_whose_post_keeps_moving_is_asked_for_again(world: World):
    post = world.in_flight()
    for _ in range(5):  # each time it is read, it is as it was; each time it is settled, it has moved
        world.at_next_transaction(lambda: world.overwrite(post, generation=world.read(post).generation + 1))
    with pytest.raises(Conflict) as refused:
        report(world.deps, Report(post.id, False, http_status=400))
    assert refused.value.code == "changed_meanwhile"
    assert world.read(post).status == "publishing"
