"""What may change between making ready and sending, and what a delivery does about it."""

from datetime import timedelta

import pytest

from app.delivery.settle import Dispatched
from app.posts import schedule
from tests.support.fakes import answered
from tests.support.world import IN_TEN_MINUTES, USER, World

A_SECOND_BEFORE = IN_TEN_MINUTES - timedelta(seconds=1)


def test_a_token_that_came_while_the_delivery_waited_is_the_one_that_is_sent(world: World):
    post = world.scheduled()
    world.clock.set(A_SECOND_BEFORE)

    def reconnect() -> None:
        world.clock.during_sleep = None
        world.connect(token="token-2")

    world.clock.during_sleep = reconnect
    assert world.dispatch(post) == Dispatched("dispatched")
    assert [submission.access_token for submission in world.publisher.submissions] == ["token-2"]
    assert world.read(post).attempt == 1


def test_an_account_that_was_refused_while_the_delivery_waited_holds_the_post(world: World):
    other, post = world.in_flight(), world.scheduled(at=IN_TEN_MINUTES + timedelta(minutes=1))
    world.clock.set(IN_TEN_MINUTES + timedelta(seconds=59))

    def refuse() -> None:
        world.clock.during_sleep = None
        world.report_failed(other, http_status=401)

    world.clock.during_sleep = refuse
    assert world.dispatch(post) == Dispatched("retry_scheduled", "account_on_hold")
    assert len(world.publisher.submissions) == 1
    assert world.read(post).attempt == 0


@pytest.mark.parametrize(("seconds", "sent"), [(569, 1), (570, 0)])
def test_a_sender_that_froze_sends_only_while_an_answer_can_come_within_the_lease(
    world: World, seconds: int, sent: int
):
    """The lease is 600 s, n8n may take 30."""
    post = world.due()
    world.at_next_commit(lambda: world.clock.advance(seconds=seconds))
    world.dispatch(post)
    assert len(world.publisher.submissions) == sent


def test_a_post_that_came_too_late_does_not_take_the_breakers_probe(world: World):
    world.set(max_lateness_seconds=60, breaker_threshold=1, retry_base_seconds=1)
    world.publisher.answers(answered(500))
    late, fresh = world.scheduled(), world.scheduled(at=IN_TEN_MINUTES + timedelta(minutes=5))
    world.dispatch(world.due())
    world.clock.set(IN_TEN_MINUTES + timedelta(minutes=5))
    assert world.dispatch(late) == Dispatched("failed", "missed")
    assert world.dispatch(fresh) == Dispatched("dispatched")


def test_a_failure_that_names_no_attempt_may_be_an_old_one_told_again(world: World):
    """Where the platform takes duplicates, believing it would send a third copy while the second may be going out."""
    post = world.in_flight(platform="instagram")
    world.report_failed(post, http_status=503, attempt=1)
    world.at_due(post)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert not world.report_failed(post, http_status=503).applied
    assert world.read(post).status == "publishing"
    assert world.report_failed(post, http_status=503, attempt=2).applied


def test_where_duplicates_are_refused_a_failure_without_an_attempt_is_believed(world: World):
    post = world.in_flight()
    world.report_failed(post, http_status=503, attempt=1)
    world.at_due(post)
    world.dispatch(post)
    assert world.report_failed(post, http_status=503).applied


def test_an_alert_of_a_copy_after_a_cancel_comes_with_the_record_of_it(world: World):
    post = world.in_flight(platform="linkedin")
    world.report_failed(post, http_status=503)
    schedule.cancel(world.deps, USER, post.id)
    world.report_published(post, attempt=1)
    assert world.alerts() == {"published_after_cancel": post.id}


def test_what_will_be_too_late_at_its_instant_is_missed_a_moment_before(world: World):
    world.set(max_lateness_seconds=60)
    post = world.scheduled()
    world.overwrite(post, next_attempt_at=IN_TEN_MINUTES + timedelta(seconds=61))
    world.clock.set(IN_TEN_MINUTES + timedelta(seconds=59))
    assert world.dispatch(post) == Dispatched("failed", "missed")
    assert world.clock.now() == IN_TEN_MINUTES + timedelta(seconds=61)


def test_a_second_failure_without_an_attempt_is_believed_where_it_cannot_lead_to_a_copy(world: World):
    post = world.in_flight(platform="instagram")
    world.report_failed(post, http_status=503, attempt=1)
    world.at_due(post)
    world.dispatch(post)
    assert world.report_failed(post, http_status=400).applied
    assert world.read(post).status == "failed"


def test_the_operators_policy_decides_whether_a_nameless_failure_may_lead_to_a_retry(world: World):
    world.set(unknown_outcome_policy="retry")
    post = world.in_flight(platform="instagram")
    world.report_failed(post, http_status=503, attempt=1)
    world.at_due(post)
    world.dispatch(post)
    assert world.report_failed(post, http_status=503).applied


def test_the_first_failure_without_an_attempt_is_believed(world: World):
    post = world.in_flight(platform="instagram")
    assert world.report_failed(post, http_status=503).applied
