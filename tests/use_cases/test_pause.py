"""The pause of all sending: nothing is sent, nothing is lost, and no try is spent."""

from datetime import timedelta

import pytest

from app.delivery.gate.gate import Gate
from app.domain.delivery import Dispatched
from app.domain.errors import Invalid
from app.operations.status import scheduler_status
from app.pause import MAX_REASON, pause, resume
from app.posts.listing import risks_by_id
from app.sweep.sweep import poll, sweep
from tests.support.gate_deliveries import posts_due_together, results, sent_post_ids, waiting_at_gate
from tests.support.world import IN_TEN_MINUTES, World

PAUSED = Dispatched("retry_scheduled", "sending_paused")
GRACE = timedelta(minutes=1)


def message_of(world: World, post: object) -> str | None:
    return world.read(post).message_id  # type: ignore[arg-type]


def test_paused_delivery_leaves_the_post_scheduled_without_a_try(world: World):
    post = world.due()
    pause(world.deps, "n8n is updated")
    assert world.dispatch(post, message_id=message_of(world, post)) == PAUSED
    now = world.read(post)
    assert (now.status, now.next_attempt_at, now.scheduled_at) == ("scheduled", post.scheduled_at, post.scheduled_at)
    assert (now.retry_count, now.attempt, now.message_id) == (0, 0, None)
    assert world.reasons(post)[-1] == "sending_paused"
    assert world.publisher.submissions == []


def test_repeated_delivery_during_a_pause_writes_nothing(world: World):
    post = world.due()
    pause(world.deps, None)
    message = message_of(world, post)
    world.dispatch(post, message_id=message)
    rows = world.all_post_rows()
    assert world.dispatch(post, "sweep") == PAUSED
    assert world.dispatch(post, "message") == PAUSED
    assert world.all_post_rows() == rows


def test_deliveries_waiting_at_the_gate_are_not_claimed_after_a_pause(world: World, gate: Gate):
    group = posts_due_together(world, 3)
    with waiting_at_gate(world, gate, group) as coming:
        pause(world.deps, "stop")
    assert results(coming) == [PAUSED] * 3
    assert world.publisher.submissions == []
    assert {world.read(post).status for post in group} == {"scheduled"}


def test_pause_between_the_look_and_the_claim_keeps_the_post(world: World):
    post = world.due()
    world.at_next_transaction(lambda: pause(world.deps, "in between"))
    assert world.dispatch(post, message_id=message_of(world, post)) == PAUSED
    assert world.attempts(post) == []


def test_sweep_sends_nothing_during_a_pause_and_everything_in_order_after_it(world: World):
    first, second = world.scheduled(IN_TEN_MINUTES), world.scheduled(IN_TEN_MINUTES + timedelta(seconds=1))
    world.clock.set(IN_TEN_MINUTES + timedelta(seconds=1))
    pause(world.deps, "stop")
    for post in (second, first):
        world.dispatch(post, message_id=message_of(world, post))
    world.clock.set(IN_TEN_MINUTES + timedelta(hours=1))
    world.messages.published.clear()
    swept = sweep(world.deps)
    assert (swept.paused, swept.recovered, swept.remaining) == (True, 0, 2)
    assert (world.publisher.submissions, world.messages.published) == ([], [])
    assert resume(world.deps).overdue == 2
    swept = sweep(world.deps)
    assert (swept.paused, swept.recovered) == (False, 2)
    assert [alarm.post_id for alarm in world.messages.published] == [first.id, second.id]
    for post in (first, second):
        assert world.dispatch(post, message_id=message_of(world, post)) == Dispatched("dispatched")
    assert sent_post_ids(world) == sorted([first.id, second.id])


def test_poll_sends_nothing_during_a_pause(world: World):
    world.with_deps(messages=None)
    post = world.due()
    pause(world.deps, "stop")
    world.clock.set(IN_TEN_MINUTES + GRACE)
    assert poll(world.deps).paused
    assert world.read(post).swept_at is None
    resume(world.deps)
    assert poll(world.deps).recovered == 1
    assert sent_post_ids(world) == [post.id]


def test_post_too_late_after_a_pause_fails_with_missed(world: World):
    world.set(max_lateness_seconds=60.0)
    post = world.due()
    pause(world.deps, "stop")
    world.dispatch(post, message_id=message_of(world, post))
    world.clock.set(IN_TEN_MINUTES + timedelta(minutes=2))
    assert world.read(post).status == "scheduled"
    resume(world.deps)
    assert world.dispatch(post).status == "failed"
    assert world.read(post).error_code == "missed"


def test_pause_is_shown_by_status_alert_and_risks_until_resumed(world: World):
    post = world.scheduled()
    before = scheduler_status(world.deps)
    assert (before["paused"], before["operational"]) == (None, True)
    pause(world.deps, "  n8n \n is updated ")
    status = scheduler_status(world.deps)
    assert status["paused"] == {"since": "2030-01-07T12:00:00.000Z", "reason": "n8n is updated"}
    assert not status["operational"]
    assert world.alerts()["sending_paused"] == "scheduler"
    [risk] = risks_by_id(world.deps, [post])[post.id]
    assert risk.code == "sending_paused"
    assert resume(world.deps).pause is not None
    assert scheduler_status(world.deps)["paused"] is None
    assert (world.alerts(), risks_by_id(world.deps, [post])[post.id]) == ({}, [])


def test_second_pause_keeps_the_beginning_and_second_resume_changes_nothing(world: World):
    began = pause(world.deps, None).pause
    world.clock.set(IN_TEN_MINUTES)
    again = pause(world.deps, "other").pause
    assert (again.since, again.reason) == (began.since, "other")
    assert resume(world.deps).pause == again
    assert resume(world.deps).pause is None


def test_pause_names_the_posts_that_were_claimed_before(world: World):
    world.in_flight()
    assert pause(world.deps, None).publishing == 1


def test_too_long_reason_is_refused(world: World):
    with pytest.raises(Invalid, match="200"):
        pause(world.deps, "x" * (MAX_REASON + 1))
