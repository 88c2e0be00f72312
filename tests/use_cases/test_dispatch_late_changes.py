"""Changes between the preparation and the send of a delivery, and reports without an attempt."""

from datetime import timedelta

import pytest

from app.domain.delivery import Dispatched
from app.posts import schedule
from tests.support.fakes import answered
from tests.support.world import IN_TEN_MINUTES, USER, World

A_SECOND_BEFORE = IN_TEN_MINUTES - timedelta(seconds=1)


def test_token_replaced_during_the_wait_is_sent(world: World):
    post = world.scheduled()
    world.clock.set(A_SECOND_BEFORE)

    def reconnect() -> None:
        world.clock.during_sleep = None
        world.connect(token="token-2")

    world.clock.during_sleep = reconnect
    assert world.dispatch(post) == Dispatched("dispatched")
    assert [submission.access_token for submission in world.publisher.submissions] == ["token-2"]
    assert world.read(post).attempt == 1


def test_account_revoked_during_the_wait_holds_the_post(world: World):
    other, post = world.in_flight(), world.scheduled(at=IN_TEN_MINUTES + timedelta(minutes=1))
    world.clock.set(IN_TEN_MINUTES + timedelta(seconds=59))

    def refuse() -> None:
        world.clock.during_sleep = None
        world.report_failed(other, http_status=401)

    world.clock.during_sleep = refuse
    assert world.dispatch(post) == Dispatched("retry_scheduled", "account_on_hold")
    assert len(world.publisher.submissions) == 1
    assert world.read(post).attempt == 0


@pytest.mark.parametrize(("seconds", "sent"), [(449, 1), (450, 0)])
def test_frozen_sender_sends_only_if_the_lease_covers_the_n8n_timeout(world: World, seconds: int, sent: int):
    """The lease is 480 s, and n8n may take 30 s."""
    post = world.due()
    world.at_next_commit(lambda: world.clock.advance(seconds=seconds))
    world.dispatch(post)
    assert len(world.publisher.submissions) == sent


def test_missed_post_does_not_take_the_breaker_probe(world: World):
    world.set(max_lateness_seconds=60, breaker_threshold=1, retry_base_seconds=1)
    world.publisher.answers(answered(500))
    late, fresh = world.scheduled(), world.scheduled(at=IN_TEN_MINUTES + timedelta(minutes=5))
    world.dispatch(world.due())
    world.clock.set(IN_TEN_MINUTES + timedelta(minutes=5))
    assert world.dispatch(late) == Dispatched("failed", "missed")
    assert world.dispatch(fresh) == Dispatched("dispatched")


def test_repeated_failure_without_attempt_is_ignored_on_instagram(world: World):
    """Instagram accepts duplicates: a retry could send a third copy while the second may be going out."""
    post = world.in_flight(platform="instagram")
    world.report_failed(post, http_status=429, attempt=1)
    world.at_due(post)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert not world.report_failed(post, http_status=429).applied
    assert (world.read(post).status, world.outcomes(post)) == ("publishing", ["transient", "unknown"])
    assert world.report_failed(post, http_status=429, attempt=2).applied


def test_repeated_failure_without_attempt_is_applied_on_linkedin(world: World):
    post = world.in_flight()
    world.report_failed(post, http_status=503, attempt=1)
    world.at_due(post)
    world.dispatch(post)
    assert world.report_failed(post, http_status=503).applied


def test_published_report_after_cancel_raises_an_alert(world: World):
    post = world.in_flight(platform="linkedin")
    world.report_failed(post, http_status=503)
    schedule.cancel(world.deps, USER, post.id)
    world.report_published(post, attempt=1)
    assert world.alerts() == {"published_after_cancel": post.id}


def test_early_delivery_of_a_post_that_will_be_too_late_is_missed(world: World):
    world.set(max_lateness_seconds=60)
    post = world.scheduled()
    world.overwrite(post, next_attempt_at=IN_TEN_MINUTES + timedelta(seconds=61))
    world.clock.set(IN_TEN_MINUTES + timedelta(seconds=59))
    assert world.dispatch(post) == Dispatched("failed", "missed")
    assert world.clock.now() == IN_TEN_MINUTES + timedelta(seconds=61)


def test_retry_policy_applies_a_repeated_failure_without_attempt(world: World):
    world.set(unknown_outcome_policy="retry")
    post = world.in_flight(platform="instagram")
    world.report_failed(post, http_status=503, attempt=1)
    world.at_due(post)
    world.dispatch(post)
    assert world.report_failed(post, http_status=503).applied


def test_first_failure_without_attempt_is_applied(world: World):
    post = world.in_flight(platform="instagram")
    assert world.report_failed(post, http_status=429).applied
