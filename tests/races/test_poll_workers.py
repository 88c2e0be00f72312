"""Concurrent poll workers share the due posts, and each post is sent once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest

from app.adapters.threads import run_many
from app.deps import Deps
from app.domain.ports import Submission
from app.domain.post import Post
from app.store.operations import runs
from app.store.posts import reservations
from app.sweep.poll import RESERVED_FOR
from app.sweep.run import Swept
from app.sweep.sweep import poll, sweep
from tests.support.threads import TIMEOUT_SECONDS, errors, run_together
from tests.support.world import World


@pytest.fixture
def polling(world: World) -> World:
    world.with_deps(messages=None, run_many=run_many)
    return world


def due(world: World, count: int) -> list[Post]:
    """Schedule posts with increasing due instants, so their order is known, and let them be due."""
    posts = [world.scheduled(world.clock.now() + timedelta(seconds=1, milliseconds=n)) for n in range(count)]
    world.clock.advance(seconds=2)
    return posts


def sent(world: World) -> list[str]:
    return sorted(submission.post_id for submission in world.publisher.submissions)


def ids(posts: list[Post]) -> list[str]:
    return sorted(post.id for post in posts)


def reserved(world: World, count: int) -> list[Post]:
    """Reserve posts like a worker that crashes before it sends them."""
    now = world.clock.now()
    with world.db.transaction() as tx:
        return reservations.take(tx, now, now - RESERVED_FOR, count)


def test_concurrent_poll_workers_send_each_post_once(polling: World):
    posts = due(polling, 40)
    results = run_together([partial(poll, polling.deps)] * 4)
    assert errors(results) == []
    assert sent(polling) == ids(posts)
    assert sum(swept.recovered for swept in results) == 40
    assert {len(polling.attempts(post)) for post in posts} == {1}


def test_worker_sends_posts_while_another_holds_the_lease(polling: World):
    polling.set(poll_concurrency=1, poll_batch_size=10)
    posts = due(polling, 30)
    shares: list[Swept] = []

    def meanwhile(_submission: Submission) -> None:
        polling.publisher.during_send = None
        shares.append(poll(polling.deps))

    polling.publisher.during_send = meanwhile
    outer = poll(polling.deps)
    (share,) = shares
    assert (share.skipped, share.recovered, share.remaining, outer.recovered) == (False, 20, 9, 10)
    assert sent(polling) == ids(posts)
    figures = figures_of(polling)
    assert (figures.total_runs, figures.total_sent, figures.total_failed) == (2, 30, 0)


def figures_of(world: World) -> runs.SweepFigures:
    with world.db.reading() as connection:
        figures = runs.read_figures(connection, runs.SWEEP)
    assert figures is not None
    return figures


def test_worker_with_a_busy_lease_and_no_due_posts_is_skipped_and_counts_no_run(polling: World):
    now = polling.clock.now()
    runs.acquire_lease(polling.db, runs.SWEEP, "another", now=now, until=now + timedelta(minutes=1))
    swept = poll(polling.deps)
    assert (swept.skipped, swept.recovered) == (True, 0)
    with polling.db.reading() as connection:
        assert runs.read_figures(connection, runs.SWEEP) is None


def test_second_concurrent_sweep_is_skipped_in_poll_mode(polling: World):
    posts = due(polling, 3)
    now = polling.clock.now()
    runs.acquire_lease(polling.db, runs.SWEEP, "another", now=now, until=now + timedelta(minutes=1))
    assert sweep(polling.deps).skipped
    assert sent(polling) == []
    assert poll(polling.deps).recovered == len(posts)


def test_posts_reserved_by_a_crashed_worker_are_sent_when_the_reservation_expires(polling: World):
    posts = due(polling, 4)
    assert ids(reserved(polling, 3)) == ids(posts[:3])
    swept = poll(polling.deps)
    assert sent(polling) == [posts[3].id]
    assert (swept.recovered, swept.remaining, swept.total) == (1, 3, 4)
    polling.clock.advance(seconds=RESERVED_FOR.total_seconds() - 0.000001)
    assert poll(polling.deps).recovered == 0
    polling.clock.advance(microseconds=1)
    assert poll(polling.deps).recovered == 3
    assert sent(polling) == ids(posts)


def test_reserved_post_can_be_rescheduled(polling: World):
    (post,) = due(polling, 1)
    reserved(polling, 1)
    again = polling.schedule(post, polling.clock.now()).post
    assert again.swept_at is None
    assert poll(polling.deps).recovered == 1


def test_rows_locked_by_another_reservation_are_skipped_without_waiting(pg_world: World):
    posts = due(pg_world, 4)
    now = pg_world.clock.now()
    with (
        ThreadPoolExecutor(1) as pool,
        pg_world.db.transaction() as tx,
    ):  # the lock is released before the pool waits for its thread
        first = reservations.take(tx, now, now - RESERVED_FOR, 2)
        second = pool.submit(partial(reserved, pg_world, 10)).result(TIMEOUT_SECONDS)
    assert ids(first) == ids(posts[:2])
    assert ids(second) == ids(posts[2:])


def test_worker_reserves_one_batch_at_most(pg_world: World):
    due(pg_world, 30)
    batches = run_together([partial(reserved, pg_world, 3)] * 8)
    assert errors(batches) == []
    taken = [post.id for batch in batches for post in batch]
    assert [len(batch) for batch in batches] == [3] * 8
    assert len(set(taken)) == 24


def test_slow_send_does_not_delay_other_posts(polling: World):
    posts = due(polling, 25)
    slow_send_started, others_sent = threading.Event(), threading.Event()
    others, lock = [], threading.Lock()

    def slow_first(submission: Submission) -> None:
        if submission.post_id == posts[0].id:
            slow_send_started.set()
            assert others_sent.wait(TIMEOUT_SECONDS)
            return
        assert slow_send_started.wait(TIMEOUT_SECONDS)  # the slow send is in flight during all other sends
        with lock:
            others.append(submission.post_id)
            if len(others) == 24:
                others_sent.set()

    polling.publisher.during_send = slow_first
    assert poll(polling.deps).recovered == 25
    assert others_sent.is_set()


def test_poll_concurrency_limits_the_posts_in_flight(polling: World):
    polling.set(poll_concurrency=3, poll_batch_size=4)
    due(polling, 12)
    lock, now, most = threading.Lock(), [0], [0]
    full = threading.Barrier(3)

    def count(_submission: Submission) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        full.wait(TIMEOUT_SECONDS)  # all three must be in flight before one ends
        with lock:
            now[0] -= 1

    polling.publisher.during_send = count
    assert poll(polling.deps).recovered == 12
    assert most == [3]


@pytest.fixture
def stopping(polling: World) -> tuple[Deps, threading.Event]:
    polling.set(poll_concurrency=1, poll_batch_size=10)
    stop = threading.Event()
    polling.publisher.during_send = lambda _: stop.set()
    return polling.deps, stop


def test_stopped_worker_finishes_its_send_and_releases_the_other_posts_at_once(
    polling: World, stopping: tuple[Deps, threading.Event]
):
    deps, stop = stopping
    posts = due(polling, 5)
    swept = poll(deps, stop.is_set)
    assert (swept.recovered, swept.remaining) == (1, 4)
    assert sorted(str(polling.read(post).status) for post in posts) == ["publishing", *["scheduled"] * 4]
    assert {polling.read(post).swept_at for post in posts} == {None}
    polling.publisher.during_send = None
    assert poll(deps).recovered == 4
    assert sent(polling) == ids(posts)
