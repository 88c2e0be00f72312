"""Published reports: applied once, in every status but the final ones, with the lateness kept."""

from datetime import timedelta

import pytest

from app.delivery.report import Applied, apply_report
from app.domain.delivery import Dispatched
from app.domain.errors import Conflict, NotFound
from app.domain.outcomes import Report
from app.domain.post import Post
from app.posts import schedule
from app.posts.recover import recover
from app.sweep.sweep import sweep
from tests.support.fakes import answered, unknown
from tests.support.world import IN_TEN_MINUTES, USER, World

FIRST, SECOND = "urn:li:share:1", "urn:li:share:2"


def retried(world: World) -> Post:
    """Return a post scheduled again after an unknown outcome and the end of its lease."""
    post = world.due()
    world.publisher.answers(unknown())
    world.dispatch(post)
    world.after_lease(post)
    assert sweep(world.deps).expired == 1
    return world.read(post)


def test_report_publishes_the_post_and_stores_urn_url_and_lateness(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(milliseconds=40))
    world.dispatch(post)
    world.clock.advance(seconds=5)
    assert world.report_published(post) == Applied(True, "published")
    after = world.read(post)
    assert (after.status, after.external_post_id, after.lateness_ms) == ("published", FIRST, 40.0)
    assert after.external_url == f"https://www.linkedin.com/feed/update/{FIRST}/"
    assert after.published_at == world.clock.now()
    assert (after.lease_until, after.sending_at, after.scheduled_at) == (None, None, IN_TEN_MINUTES)
    (attempt,) = world.attempts(post)
    assert (attempt.outcome, attempt.finished_at) == ("published", world.clock.now())
    assert attempt.external_post_id == FIRST
    assert world.transitions(post)[-1].actor == "publisher"


def test_replayed_report_changes_nothing(world: World):
    post = world.published()
    world.clock.advance(minutes=1)
    before = world.all_post_rows()
    replay = world.report_published(post)
    assert (replay.applied, replay.status) == (False, "published")
    after = world.all_post_rows()
    assert (after["posts"], after["transitions"]) == (before["posts"], before["transitions"])
    assert world.alerts() == {}


def test_second_urn_for_a_published_post_raises_an_alert_and_the_first_stays(world: World):
    post = world.published()
    assert world.report_published(post, SECOND) == Applied(False, "published")
    assert world.read(post).external_post_id == FIRST
    assert world.alerts() == {"duplicate_publish": post.id}


def test_report_without_a_urn_is_applied(world: World):
    post = world.in_flight()
    assert world.report_published(post, None).applied
    assert (world.read(post).status, world.read(post).external_post_id) == ("published", None)


def test_second_report_brings_the_missing_id(world: World):
    post = world.in_flight()
    world.report_published(post, None)
    before = world.read(post)
    world.clock.advance(minutes=1)
    assert world.report_published(post, FIRST) == Applied(True, "published")
    after = world.read(post)
    assert (after.external_post_id, after.updated_at) == (FIRST, world.clock.now())
    assert after.external_url == f"https://www.linkedin.com/feed/update/{FIRST}/"
    assert (after.published_at, after.lateness_ms) == (before.published_at, before.lateness_ms)
    assert world.reasons(post)[-1] == "published"
    assert world.report_published(post, FIRST) == Applied(False, "published")
    assert world.report_published(post, None) == Applied(False, "published")
    assert world.alerts() == {}
    assert world.report_published(post, SECOND) == Applied(False, "published")
    assert (world.read(post).external_post_id, world.alerts()) == (FIRST, {"duplicate_publish": post.id})


def test_of_two_concurrent_ids_the_first_stays_and_the_second_is_an_alert(world: World):
    post = world.in_flight()
    world.report_published(post, None)
    world.at_next_transaction(lambda: world.report_published(post, FIRST))
    assert world.report_published(post, SECOND) == Applied(False, "published")
    assert (world.read(post).external_post_id, world.alerts()) == (FIRST, {"duplicate_publish": post.id})


def test_refused_duplicate_gives_a_published_post_no_id(world: World):
    post = retried(world)
    world.at_due(post)
    world.dispatch(post)
    world.report_published(post, None, attempt=2)
    fields = {"error_code": "DUPLICATE_POST", "error": SECOND, "attempt": 2}
    assert not world.report_failed(post, **fields).applied
    assert world.read(post).external_post_id is None


def test_report_for_an_unknown_post_is_not_found(world: World):
    with pytest.raises(NotFound):
        apply_report(world.deps, Report("00000000-0000-4000-8000-000000000000", True))


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize("status", ["draft", "scheduled", "cancelled"])
def test_report_for_a_post_that_was_never_sent_is_refused(world: World, status: str, published: bool):
    post = world.in_status(status)
    before = world.all_post_rows()
    with pytest.raises(Conflict) as refused:
        apply_report(world.deps, Report(post.id, published))
    assert refused.value.code == "never_sent"
    assert world.all_post_rows() == before


@pytest.mark.parametrize("published", [True, False])
def test_report_for_an_attempt_whose_send_never_began_is_refused(world: World, published: bool):
    post = world.crashed_before_send()
    before = world.all_post_rows()
    with pytest.raises(Conflict) as refused:
        apply_report(world.deps, Report(post.id, published, attempt=1))
    assert refused.value.code == "never_sent"
    assert world.all_post_rows() == before


@pytest.mark.parametrize("attempt", [0, 2, 999_999])
def test_report_for_an_attempt_that_does_not_exist_is_believed_for_the_latest(world: World, attempt: int):
    post = world.in_flight()
    assert world.report_published(post, attempt=attempt) == Applied(True, "published")
    assert world.outcomes(post) == ["published"]


def test_late_published_report_wins_over_a_retry_and_cancels_its_message(world: World):
    post = retried(world)
    assert world.report_published(post, attempt=1) == Applied(True, "published")
    after = world.read(post)
    assert (after.status, after.next_attempt_at, after.message_id, after.error_code) == ("published", None, None, None)
    assert post.message_id in world.messages.cancelled
    assert world.dispatch(post) == Dispatched("ignored", "published")
    assert len(world.publisher.submissions) == 1


def test_late_published_report_wins_over_failed(world: World):
    post = world.failed()
    assert world.report_published(post) == Applied(True, "published")
    after = world.read(post)
    assert (after.status, after.error_code, after.error_message) == ("published", None, None)
    assert world.outcomes(post) == ["published"]


def test_late_published_report_wins_over_a_draft_and_restores_its_scheduled_time(world: World):
    post = schedule.unschedule(world.deps, USER, retried(world).id)
    assert post.scheduled_at is None
    assert world.report_published(post) == Applied(True, "published")
    after = world.read(post)
    assert (after.status, after.scheduled_at) == ("published", IN_TEN_MINUTES)


def test_late_published_report_wins_over_a_newer_attempt_in_flight(world: World):
    post = retried(world)
    world.at_due(post)
    sent_at = []

    def report_first_attempt(_submission) -> None:
        sent_at.append(world.clock.now())
        world.report_published(post, attempt=1)

    world.publisher.during_send = report_first_attempt
    assert world.dispatch(post) == Dispatched("dispatched")
    after = world.read(post)
    assert (after.status, after.external_post_id, after.lateness_ms) == ("published", FIRST, 0.0)
    assert world.outcomes(post) == ["published", "accepted"]
    assert world.report_published(post, SECOND, attempt=2) == Applied(False, "published")
    assert world.alerts() == {"duplicate_publish": post.id}


def test_published_report_leaves_a_cancelled_post_and_raises_an_alert(world: World):
    post = schedule.cancel(world.deps, USER, retried(world).id)
    assert world.report_published(post) == Applied(False, "cancelled")
    assert world.read(post) == post
    assert world.outcomes(post) == ["published"]
    assert world.alerts() == {"published_after_cancel": post.id}


def test_report_received_before_the_settle_is_applied_and_lateness_is_kept(world: World):
    post = world.due()
    world.publisher.during_send = lambda _: world.report_published(post)
    world.publisher.answers(answered(200, sent_at=IN_TEN_MINUTES + timedelta(milliseconds=12)))
    assert world.dispatch(post) == Dispatched("dispatched")
    after = world.read(post)
    assert (after.status, after.lateness_ms, after.external_post_id) == ("published", 12.0, FIRST)
    (attempt,) = world.attempts(post)
    assert (attempt.outcome, attempt.lateness_ms, attempt.http_status) == ("published", 12.0, 200)


@pytest.mark.parametrize(
    "reply",
    [unknown(), answered(524), answered(500), answered(400)],
    ids=["timeout", "524", "500", "400"],
)
def test_report_received_before_an_error_answer_is_not_overwritten(world: World, reply):
    post = world.due()
    world.publisher.during_send = lambda _: world.report_published(post)
    world.publisher.answers(reply)
    world.dispatch(post)
    after = world.read(post)
    assert (after.status, after.error_code, after.retry_count) == ("published", None, 0)
    assert world.outcomes(post) == ["published"]
    assert world.reasons(post) == ["created", "scheduled", "claimed", "published"]


def test_report_before_or_after_the_settle_gives_the_same_post(world: World):
    early, late = world.scheduled(), world.scheduled()
    world.clock.set(IN_TEN_MINUTES)
    world.publisher.default_reply = answered(200, sent_at=IN_TEN_MINUTES + timedelta(milliseconds=7))
    world.publisher.during_send = lambda s: world.report_published(early) if s.post_id == early.id else None
    world.dispatch(early)
    world.dispatch(late)
    world.report_published(late)
    fields = ("status", "lateness_ms", "published_at", "external_post_id", "attempt", "generation", "retry_count")
    assert [getattr(world.read(early), f) for f in fields] == [getattr(world.read(late), f) for f in fields]
    assert world.outcomes(early) == world.outcomes(late)


def test_report_that_loses_a_race_reads_again_and_is_applied(world: World):
    post = retried(world)
    world.at_due(post)
    world.at_next_transaction(lambda: world.dispatch(post))
    assert world.report_published(post, attempt=1) == Applied(True, "published")
    assert world.read(post).status == "published"


@pytest.mark.parametrize("attempt", [None, 7])
def test_repeated_report_without_its_attempt_is_taken_for_the_attempt_with_its_id(world: World, attempt: int | None):
    post = world.expired(platform="facebook")
    sweep(world.deps)
    recover(world.deps, USER, post.id, "retry", True)
    world.at_due(post)
    world.dispatch(world.read(post))
    world.report_published(post, "1_2", attempt=1)
    assert world.report_published(post, "1_2", attempt=attempt) == Applied(False, "published")
    assert world.outcomes(post) == ["published", "accepted"]
    assert world.alerts() == {}
