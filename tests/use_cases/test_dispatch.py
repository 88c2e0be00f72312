"""One delivery: what every answer means, and that the send is neither early nor twice."""

from datetime import timedelta

import pytest

from app.delivery.settle import Dispatched
from app.posts import drafts, schedule
from tests.support.world import IN_TEN_MINUTES, USER, World


def test_a_due_post_is_sent_once_at_its_instant_and_stays_publishing_until_the_report(world: World):
    post = world.due()
    assert world.dispatch(post) == Dispatched("dispatched")
    now = world.read(post)
    assert (now.status, now.attempt, now.retry_count) == ("publishing", 1, 0)
    assert now.sending_at == IN_TEN_MINUTES
    assert now.lease_until == IN_TEN_MINUTES + timedelta(seconds=600)
    assert [(s.post_id, s.attempt) for s in world.publisher.submissions] == [(post.id, 1)]


def test_the_send_carries_what_the_workflow_needs_and_the_unsealed_token(world: World):
    post = world.due(content="Grüße & <b>")
    world.dispatch(post)
    sent = world.publisher.submissions[0]
    assert (sent.user_id, sent.access_token, sent.person_urn) == (USER, "token-1", "urn:li:person:1")
    assert (sent.content, sent.platform, sent.post_type) == ("Grüße & <b>", "linkedin", "post")
    assert sent.scheduled_at == IN_TEN_MINUTES
    assert sent.idempotency_key == f"{post.id}-1"
    assert sent.callback_url == "https://punctual.test/api/webhooks/publish-status"
    assert sent.claim_url == "https://punctual.test/api/webhooks/claim"


def test_the_record_of_an_attempt_says_who_asked_when_it_was_sent_and_how_late(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(milliseconds=250))
    world.dispatch(post)
    (attempt,) = world.attempts(post)
    assert (attempt.attempt, attempt.generation, attempt.trigger) == (1, 1, "message")
    assert attempt.started_at == attempt.sent_at == IN_TEN_MINUTES + timedelta(milliseconds=250)
    assert (attempt.lateness_ms, attempt.outcome, attempt.http_status) == (250.0, "accepted", 200)
    assert attempt.finished_at is None


@pytest.mark.parametrize("seconds_ahead", [0.001, 1, 3])
def test_a_delivery_that_is_a_little_ahead_waits_for_the_instant_and_sends_then(world: World, seconds_ahead: float):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=seconds_ahead))
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.clock.slept_until == [IN_TEN_MINUTES]
    assert world.attempts(post)[0].sent_at == IN_TEN_MINUTES


def test_a_delivery_at_the_instant_does_not_sleep(world: World):
    post = world.due()
    world.dispatch(post)
    assert world.clock.slept_until == []


def test_a_clock_that_wakes_early_still_sends_nothing_before_the_instant(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    world.clock.wakes_early = True
    assert world.dispatch(post).status == "ignored"
    assert world.publisher.submissions == []
    assert world.read(post).status == "scheduled"


def test_the_connection_is_warmed_before_the_wait_and_no_token_is_opened_after_it(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    seen = []
    world.clock.during_sleep = lambda: seen.append(world.publisher.warmed)
    world.dispatch(post)
    assert seen == [1]


def test_an_unknown_post_is_ignored(world: World):
    post = world.scheduled()
    with world.db.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM posts")
    assert world.dispatch(post) == Dispatched("ignored", "unknown")


@pytest.mark.parametrize("off", [-1, 1])
def test_a_delivery_of_another_generation_is_ignored_as_stale(world: World, off: int):
    post = world.due()
    world.overwrite(post, generation=post.generation + off)
    before = world.everything()
    assert world.dispatch(post) == Dispatched("ignored", "stale")
    assert world.everything() == before
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
def test_a_delivery_for_a_post_that_is_not_scheduled_is_ignored_and_changes_nothing(
    world: World, status: str, reason: str
):
    post = world.in_status(status)
    before, sent = world.everything(), len(world.publisher.submissions)
    assert world.dispatch(post) == Dispatched("ignored", reason)
    assert world.everything() == before
    assert len(world.publisher.submissions) == sent


def test_the_same_message_again_sends_nothing_again(world: World):
    post = world.due()
    assert [world.dispatch(post).status for _ in range(3)] == ["dispatched", "ignored", "ignored"]
    assert len(world.publisher.submissions) == 1


def test_a_message_of_before_a_reschedule_sends_nothing(world: World):
    post = world.scheduled()
    world.schedule(post, IN_TEN_MINUTES + timedelta(hours=1))
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(post) == Dispatched("ignored", "stale")
    assert world.publisher.submissions == []


def test_a_message_that_outlived_an_unschedule_sends_nothing_even_where_cancelling_it_failed(world: World):
    world.messages.cancelling_fails = "unreachable"
    post = world.scheduled()
    assert schedule.unschedule(world.deps, USER, post.id).status == "draft"
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(post) == Dispatched("ignored", "stale")
    assert world.publisher.submissions == []


def test_an_edit_that_was_answered_while_the_delivery_waited_is_in_the_send(world: World):
    post = world.scheduled(content="old")
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    world.clock.during_sleep = lambda: drafts.edit_post(world.deps, USER, post.id, {"content": "new"})
    world.dispatch(post)
    assert [sent.content for sent in world.publisher.submissions] == ["new"]


def test_an_unschedule_that_was_answered_while_the_delivery_waited_holds(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    world.clock.during_sleep = lambda: schedule.unschedule(world.deps, USER, post.id)
    assert world.dispatch(post).status == "ignored"
    assert world.publisher.submissions == []
    assert world.read(post).status == "draft"


def test_a_reschedule_that_was_answered_while_the_delivery_waited_holds(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    later = IN_TEN_MINUTES + timedelta(minutes=1)
    world.clock.during_sleep = lambda: world.schedule(post, later)
    assert world.dispatch(post).status == "ignored"
    assert world.publisher.submissions == []
    assert world.read(post).next_attempt_at == later


def test_a_sender_that_froze_past_its_own_lease_does_not_send_any_more(world: World):
    post = world.due()
    world.at_next_commit(lambda: world.clock.advance(seconds=600))
    assert world.dispatch(post) == Dispatched("ignored", "lease_over")
    assert world.publisher.submissions == []


def test_nothing_is_sent_where_no_publisher_is_configured_and_the_post_waits_for_one(world: World):
    post = world.due()
    world.with_deps(publisher=None)
    assert world.dispatch(post) == Dispatched("retry_scheduled", "publisher_not_configured")
    now = world.read(post)
    assert (now.status, now.retry_count, now.attempt) == ("scheduled", 0, 0)
    assert now.next_attempt_at == IN_TEN_MINUTES + timedelta(seconds=60)
