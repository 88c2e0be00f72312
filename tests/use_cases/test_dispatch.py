"""One delivery: its answers, and a send at the instant, never early and never repeated."""

from datetime import timedelta

import pytest

from app.domain.delivery import Dispatched
from app.posts import drafts, schedule
from tests.support.world import IN_TEN_MINUTES, USER, World


def test_due_post_is_sent_once_at_its_instant_and_stays_publishing(world: World):
    post = world.due()
    assert world.dispatch(post) == Dispatched("dispatched")
    after = world.read(post)
    assert (after.status, after.attempt, after.retry_count) == ("publishing", 1, 0)
    assert after.sending_at == IN_TEN_MINUTES
    assert after.lease_until == IN_TEN_MINUTES + timedelta(seconds=480)
    assert [(s.post_id, s.attempt) for s in world.publisher.submissions] == [(post.id, 1)]


def test_submission_carries_the_workflow_fields_and_the_unsealed_token(world: World):
    post = world.due(content="Grüße & <b>")
    world.dispatch(post)
    sent = world.publisher.submissions[0]
    assert (sent.user_id, sent.access_token, sent.person_urn) == (USER, "token-1", "urn:li:person:1")
    assert (sent.content, sent.platform, sent.post_type) == ("Grüße & <b>", "linkedin", "post")
    assert sent.scheduled_at == IN_TEN_MINUTES
    assert sent.idempotency_key == f"{post.id}-1"
    assert sent.callback_url == "https://punctual.test/api/webhooks/publish-status"
    assert sent.claim_url == "https://punctual.test/api/webhooks/claim"


def test_attempt_records_trigger_send_time_and_lateness(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(milliseconds=250))
    world.dispatch(post)
    (attempt,) = world.attempts(post)
    assert (attempt.attempt, attempt.generation, attempt.trigger) == (1, 1, "message")
    assert attempt.started_at == attempt.sent_at == IN_TEN_MINUTES + timedelta(milliseconds=250)
    assert (attempt.lateness_ms, attempt.outcome, attempt.http_status) == (250.0, "accepted", 200)
    assert attempt.finished_at is None


@pytest.mark.parametrize("seconds_ahead", [0.001, 1, 3])
def test_delivery_slightly_early_waits_for_the_instant(world: World, seconds_ahead: float):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=seconds_ahead))
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.clock.slept_until == [IN_TEN_MINUTES]
    assert world.attempts(post)[0].sent_at == IN_TEN_MINUTES


def test_delivery_at_the_instant_does_not_sleep(world: World):
    post = world.due()
    world.dispatch(post)
    assert world.clock.slept_until == []


def test_sleep_that_ends_early_sends_nothing_before_the_instant(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    world.clock.wakes_early = True
    assert world.dispatch(post).status == "early"
    assert world.publisher.submissions == []
    assert world.read(post).armed


def test_connection_is_warmed_before_the_wait(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    seen = []
    world.clock.during_sleep = lambda: seen.append(world.publisher.warmed)
    world.dispatch(post)
    assert seen == [1]


def test_unknown_post_is_ignored(world: World):
    post = world.scheduled()
    with world.db.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM posts")
    assert world.dispatch(post) == Dispatched("ignored", "unknown")


@pytest.mark.parametrize("off", [-1, 1])
def test_delivery_with_another_generation_is_stale(world: World, off: int):
    post = world.due()
    world.overwrite(post, generation=post.generation + off)
    before = world.all_post_rows()
    assert world.dispatch(post) == Dispatched("ignored", "stale")
    assert world.all_post_rows() == before
    assert world.publisher.submissions == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("draft", "draft"),
        ("publishing", "busy"),
        ("published", "published"),
        ("failed", "failed"),
        ("cancelled", "cancelled"),
    ],
)
def test_delivery_of_an_unscheduled_post_is_ignored_and_changes_nothing(world: World, status: str, reason: str):
    post = world.in_status(status)
    before, sent = world.all_post_rows(), len(world.publisher.submissions)
    assert world.dispatch(post) == Dispatched("ignored", reason)
    assert world.all_post_rows() == before
    assert len(world.publisher.submissions) == sent


def test_repeated_message_sends_once(world: World):
    post = world.due()
    assert [world.dispatch(post).status for _ in range(3)] == ["dispatched", "ignored", "ignored"]
    assert len(world.publisher.submissions) == 1


def test_message_from_before_a_reschedule_sends_nothing(world: World):
    post = world.scheduled()
    world.schedule(post, IN_TEN_MINUTES + timedelta(hours=1))
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(post) == Dispatched("ignored", "stale")
    assert world.publisher.submissions == []


def test_message_that_could_not_be_cancelled_sends_nothing_after_unschedule(world: World):
    world.messages.cancel_error = "unreachable"
    post = world.scheduled()
    assert schedule.unschedule(world.deps, USER, post.id).status == "draft"
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(post) == Dispatched("ignored", "stale")
    assert world.publisher.submissions == []


def test_edit_during_the_wait_is_in_the_send(world: World):
    post = world.scheduled(content="old")
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    world.clock.during_sleep = lambda: drafts.edit_post(world.deps, USER, post.id, {"content": "new"})
    world.dispatch(post)
    assert [sent.content for sent in world.publisher.submissions] == ["new"]


def test_unschedule_during_the_wait_prevents_the_send(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    world.clock.during_sleep = lambda: schedule.unschedule(world.deps, USER, post.id)
    assert world.dispatch(post).status == "ignored"
    assert world.publisher.submissions == []
    assert world.read(post).status == "draft"


def test_reschedule_during_the_wait_prevents_the_send(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    later = IN_TEN_MINUTES + timedelta(minutes=1)
    world.clock.during_sleep = lambda: world.schedule(post, later)
    assert world.dispatch(post).status == "ignored"
    assert world.publisher.submissions == []
    assert world.read(post).next_attempt_at == later


def test_sender_frozen_past_its_lease_does_not_send(world: World):
    post = world.due()
    world.at_next_commit(lambda: world.clock.advance(seconds=480))
    assert world.dispatch(post) == Dispatched("retry_scheduled")
    assert world.publisher.submissions == []


def test_dispatch_without_publisher_defers_the_post_at_no_cost(world: World):
    post = world.due()
    world.with_deps(publisher=None)
    assert world.dispatch(post) == Dispatched("retry_scheduled", "publisher_not_configured")
    after = world.read(post)
    assert (after.status, after.retry_count, after.attempt) == ("scheduled", 0, 0)
    assert after.error_code == "installation_misconfigured"
    assert world.seconds_until_due(post) == 66.0  # the breaker's cooldown, and half of the spread of 20 %
    assert world.alerts() == {"publisher_not_configured": "n8n"}
