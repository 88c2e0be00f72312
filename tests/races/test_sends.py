"""However many deliver, a post is sent once."""

import threading
from datetime import timedelta
from functools import partial

import pytest

from app.domain.errors import Conflict
from app.domain.post import Post
from app.posts import schedule
from app.sweep.sweep import sweep
from tests.support.rows import claim as rows_claim
from tests.support.threads import PATIENCE, beside, errors, together
from tests.support.world import IN_TEN_MINUTES, USER, World

ROUNDS = 6
LATER = IN_TEN_MINUTES + timedelta(hours=1)


def sent(world: World) -> list[str]:
    return sorted(submission.post_id for submission in world.publisher.submissions)


def meet_before_writing(world: World, count: int) -> None:
    """Whoever comes first waits with its first write until all have read."""
    barrier = threading.Barrier(count)
    for _ in range(count):
        world.at_next_transaction(partial(barrier.wait, PATIENCE))


def test_two_hundred_deliveries_of_one_message_at_once_are_one_send(crowd: World):
    post = crowd.due()
    results = together([partial(crowd.dispatch, post)] * 200)
    assert errors(results) == []
    assert [result.status for result in results].count("dispatched") == 1
    assert [result.status for result in results].count("ignored") == 199
    assert sent(crowd) == [post.id]
    assert len(crowd.attempts(post)) == 1


def test_fifty_posts_of_one_instant_delivered_twice_each_are_fifty_sends(world: World):
    scheduled = [world.scheduled() for _ in range(50)]
    world.clock.set(IN_TEN_MINUTES)
    results = together([partial(world.dispatch, post) for post in scheduled + scheduled])
    assert errors(results) == []
    assert sent(world) == sorted(post.id for post in scheduled)
    assert {len(world.attempts(post)) for post in scheduled} == {1}


def test_of_two_claims_of_one_row_one_wins(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.due()
        claims = together([partial(claimed, crowd, post)] * 4)
        assert [bool(claim) for claim in claims].count(True) == 1
        assert errors(claims) == []
        assert crowd.read(post).attempt == 1
        assert len(crowd.attempts(post)) == 1


def claimed(world: World, post: Post) -> Post | None:
    now = world.clock.now()
    with world.db.transaction() as tx:
        return rows_claim(tx, post, now=now, lease_until=now + timedelta(minutes=1), trigger="message", sending=True)


@pytest.mark.parametrize("act", ["unschedule", "cancel"])
def test_a_post_is_either_sent_or_called_off_and_its_author_is_told_which(crowd: World, act: str):
    for _ in range(ROUNDS):
        post = crowd.due()
        crowd.publisher.submissions.clear()
        meet_before_writing(crowd, 2)
        call_off = partial(getattr(schedule, act), crowd.deps, USER, post.id)
        delivered, called_off = together([partial(crowd.dispatch, post), call_off])
        now = crowd.read(post)
        if isinstance(called_off, Conflict):
            assert (called_off.code, delivered.status) == ("in_flight", "dispatched")
            assert (now.status, sent(crowd)) == ("publishing", [post.id])
        else:
            assert (delivered.status, called_off.status) == ("ignored", now.status)
            assert now.status in ("draft", "cancelled")
            assert sent(crowd) == []


def test_a_post_is_either_sent_or_rescheduled_and_its_author_is_told_which(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.due()
        crowd.publisher.submissions.clear()
        meet_before_writing(crowd, 2)
        delivered, rescheduled = together([partial(crowd.dispatch, post), partial(crowd.schedule, post, LATER)])
        now = crowd.read(post)
        if isinstance(rescheduled, Conflict):
            assert (rescheduled.code, delivered.status) == ("in_flight", "dispatched")
            assert (now.status, now.generation, sent(crowd)) == ("publishing", 1, [post.id])
        else:
            assert delivered.status == "ignored"
            assert (now.status, now.generation, now.next_attempt_at, sent(crowd)) == ("scheduled", 2, LATER, [])
            assert now.armed


def test_a_message_that_arrives_in_another_thread_before_its_publish_is_answered_is_one_send(world: World):
    post = world.draft()

    def deliver(alarm, message_id) -> None:
        with beside(partial(world.dispatch, world.read(post), "message", message_id)) as delivery:
            assert delivery.result(PATIENCE).status == "dispatched"

    world.messages.during_publish = deliver
    world.schedule(post, world.clock.now())
    assert sent(world) == [post.id]
    assert (world.read(post).status, world.messages.pending) == ("publishing", {})


def test_a_sweep_and_a_delivery_at_once_are_one_send(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.scheduled(crowd.clock.now() + timedelta(minutes=1))
        crowd.clock.advance(minutes=10)
        crowd.messages.refusing = "unreachable"  # so that the sweep sends by itself
        results = together([partial(sweep, crowd.deps), partial(crowd.dispatch, post)])
        crowd.messages.refusing = None
        assert errors(results) == []
        assert sent(crowd).count(post.id) == 1
        assert len(crowd.attempts(post)) == 1


def test_a_sweep_that_gives_a_post_away_and_a_delivery_at_once_are_one_send(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.scheduled(crowd.clock.now() + timedelta(minutes=1))
        crowd.clock.advance(minutes=10)
        results = together([partial(sweep, crowd.deps), partial(crowd.dispatch, post, "message", post.message_id)])
        assert errors(results) == []
        again = crowd.dispatch(post, "message", "the one that the sweep sent")
        assert again.status == "ignored"
        assert sent(crowd).count(post.id) == 1


def test_two_early_deliveries_at_once_leave_one_pending_message(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.scheduled(crowd.clock.now() + timedelta(hours=1))
        crowd.messages.pending.clear()
        meet_before_writing(crowd, 2)
        results = together([partial(crowd.dispatch, post, "message", post.message_id)] * 2)
        assert [result.status for result in results] == ["early", "early"]
        crowd.db.before.clear()
        assert list(crowd.messages.pending) == [crowd.read(post).message_id]
