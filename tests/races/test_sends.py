"""Concurrent deliveries of a post send it once."""

import threading
from datetime import timedelta
from functools import partial

import pytest

from app.domain.errors import Conflict
from app.domain.in_flight import InFlight
from app.domain.post import Post
from app.posts import schedule
from app.sweep.sweep import sweep
from tests.support.rows import claim as rows_claim
from tests.support.threads import TIMEOUT_SECONDS, errors, run_beside, run_together
from tests.support.world import IN_TEN_MINUTES, USER, World

ROUNDS = 6
LATER = IN_TEN_MINUTES + timedelta(hours=1)


def sent(world: World) -> list[str]:
    return sorted(submission.post_id for submission in world.publisher.submissions)


def meet_before_writing(world: World, count: int) -> None:
    """Hold the next `count` transactions at their start until all have reached it."""
    barrier = threading.Barrier(count)
    for _ in range(count):
        world.at_next_transaction(partial(barrier.wait, TIMEOUT_SECONDS))


def test_two_hundred_concurrent_deliveries_of_a_message_are_one_send(pg_world: World):
    pg_world.with_deps(in_flight=InFlight(200))  # a delivery without room in flight is put off, and not ignored
    post = pg_world.due()
    results = run_together([partial(pg_world.dispatch, post)] * 200)
    assert errors(results) == []
    assert [result.status for result in results].count("dispatched") == 1
    assert [result.status for result in results].count("ignored") == 199
    assert sent(pg_world) == [post.id]
    assert len(pg_world.attempts(post)) == 1


def test_fifty_posts_of_one_instant_each_delivered_twice_are_fifty_sends(world: World):
    scheduled = [world.scheduled() for _ in range(50)]
    world.clock.set(IN_TEN_MINUTES)
    results = run_together([partial(world.dispatch, post) for post in scheduled + scheduled])
    assert errors(results) == []
    assert sent(world) == sorted(post.id for post in scheduled)
    assert {len(world.attempts(post)) for post in scheduled} == {1}


def test_one_of_four_concurrent_claims_wins(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.due()
        claims = run_together([partial(claimed, pg_world, post)] * 4)
        assert [bool(claim) for claim in claims].count(True) == 1
        assert errors(claims) == []
        assert pg_world.read(post).attempt == 1
        assert len(pg_world.attempts(post)) == 1


def claimed(world: World, post: Post) -> Post | None:
    now = world.clock.now()
    with world.db.transaction() as tx:
        return rows_claim(tx, post, now=now, lease_until=now + timedelta(minutes=1), trigger="message", sending=True)


@pytest.mark.parametrize("act", ["unschedule", "cancel"])
def test_unschedule_or_cancel_during_send_answers_the_true_result(pg_world: World, act: str):
    for _ in range(ROUNDS):
        post = pg_world.due()
        pg_world.publisher.submissions.clear()
        meet_before_writing(pg_world, 2)
        cancel = partial(getattr(schedule, act), pg_world.deps, USER, post.id)
        delivered, cancelled = run_together([partial(pg_world.dispatch, post), cancel])
        now = pg_world.read(post)
        if isinstance(cancelled, Conflict):
            assert (cancelled.code, delivered.status) == ("in_flight", "dispatched")
            assert (now.status, sent(pg_world)) == ("publishing", [post.id])
        else:
            assert (delivered.status, cancelled.status) == ("ignored", now.status)
            assert now.status in ("draft", "cancelled")
            assert sent(pg_world) == []


def test_reschedule_during_send_answers_the_true_result(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.due()
        pg_world.publisher.submissions.clear()
        meet_before_writing(pg_world, 2)
        delivered, rescheduled = run_together(
            [partial(pg_world.dispatch, post), partial(pg_world.schedule, post, LATER)]
        )
        now = pg_world.read(post)
        if isinstance(rescheduled, Conflict):
            assert (rescheduled.code, delivered.status) == ("in_flight", "dispatched")
            assert (now.status, now.generation, sent(pg_world)) == ("publishing", 1, [post.id])
        else:
            assert delivered.status == "ignored"
            assert (now.status, now.generation, now.next_attempt_at, sent(pg_world)) == ("scheduled", 2, LATER, [])
            assert now.armed


def test_message_delivered_before_its_publish_is_answered_is_one_send(world: World):
    post = world.draft()

    def deliver(alarm, message_id) -> None:
        with run_beside(partial(world.dispatch, world.read(post), "message", message_id)) as delivery:
            assert delivery.result(TIMEOUT_SECONDS).status == "dispatched"

    world.messages.during_publish = deliver
    world.schedule(post, world.clock.now())
    assert sent(world) == [post.id]
    assert (world.read(post).status, world.messages.pending) == ("publishing", {})


def test_concurrent_sweep_and_delivery_are_one_send(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.scheduled(pg_world.clock.now() + timedelta(minutes=1))
        pg_world.clock.advance(minutes=10)
        pg_world.messages.publish_error = "unreachable"  # so the sweep sends the post itself
        results = run_together([partial(sweep, pg_world.deps), partial(pg_world.dispatch, post)])
        pg_world.messages.publish_error = None
        assert errors(results) == []
        assert sent(pg_world).count(post.id) == 1
        assert len(pg_world.attempts(post)) == 1


def test_concurrent_rearming_sweep_and_delivery_are_one_send(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.scheduled(pg_world.clock.now() + timedelta(minutes=1))
        pg_world.clock.advance(minutes=10)
        results = run_together(
            [partial(sweep, pg_world.deps), partial(pg_world.dispatch, post, "message", post.message_id)]
        )
        assert errors(results) == []
        again = pg_world.dispatch(post, "message", "the one that the sweep sent")
        assert again.status == "ignored"
        assert sent(pg_world).count(post.id) == 1


def test_two_concurrent_early_deliveries_leave_one_pending_message(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.scheduled(pg_world.clock.now() + timedelta(hours=1))
        pg_world.messages.pending.clear()
        meet_before_writing(pg_world, 2)
        results = run_together([partial(pg_world.dispatch, post, "message", post.message_id)] * 2)
        assert [result.status for result in results] == ["early", "early"]
        pg_world.db.before.clear()
        assert list(pg_world.messages.pending) == [pg_world.read(post).message_id]
