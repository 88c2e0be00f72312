"""Workers of poll mode at the same time: they share what is due, and each post is sent once."""

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
from app.sweep.sweep import Swept, poll, sweep
from tests.support.threads import PATIENCE, errors, together
from tests.support.world import World


@pytest.fixture
def polling(world: World) -> World:
    world.with_deps(messages=None, run_many=run_many)
    return world


def due(world: World, count: int) -> list[Post]:
    """Due one after the other, so that their order is known."""
    posts = [world.scheduled(world.clock.now() + timedelta(seconds=1, milliseconds=n)) for n in range(count)]
    world.clock.advance(seconds=2)
    return posts


def sent(world: World) -> list[str]:
    return sorted(submission.post_id for submission in world.publisher.submissions)


def ids(posts: list[Post]) -> list[str]:
    return sorted(post.id for post in posts)


def reserved(world: World, count: int) -> list[Post]:
    """As a worker that took them and died."""
    now = world.clock.now()
    with world.db.transaction() as tx:
        return reservations.take(tx, now, now - RESERVED_FOR, count)


def test_workers_that_poll_at_once_send_every_post_once_between_them(polling: World):
    posts = due(polling, 40)
    results = together([partial(poll, polling.deps)] * 4)
    assert errors(results) == []
    assert sent(polling) == ids(posts)
    assert sum(swept.recovered for swept in results) == 40
    assert {len(polling.attempts(post)) for post in posts} == {1}


def test_a_worker_takes_its_share_while_another_holds_the_lease(polling: World):
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


def test_a_worker_that_finds_another_at_work_and_nothing_due_has_skipped_and_counts_no_run(polling: World):
    now = polling.clock.now()
    runs.take_lease(polling.db, runs.SWEEP, "another", now=now, until=now + timedelta(minutes=1))
    swept = poll(polling.deps)
    assert (swept.skipped, swept.recovered) == (True, 0)
    with polling.db.reading() as connection:
        assert runs.read_figures(connection, runs.SWEEP) is None


def test_of_two_recovers_at_once_the_second_is_skipped_in_poll_mode_too(polling: World):
    posts = due(polling, 3)
    now = polling.clock.now()
    runs.take_lease(polling.db, runs.SWEEP, "another", now=now, until=now + timedelta(minutes=1))
    assert sweep(polling.deps).skipped
    assert sent(polling) == []
    assert poll(polling.deps).recovered == len(posts)


def test_what_a_dead_worker_had_reserved_is_sent_as_soon_as_that_lapses(polling: World):
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


def test_a_reservation_does_not_keep_the_author_from_calling_the_post_off(polling: World):
    (post,) = due(polling, 1)
    reserved(polling, 1)
    again = polling.schedule(post, polling.clock.now()).post
    assert again.swept_at is None
    assert poll(polling.deps).recovered == 1


def test_rows_that_another_transaction_is_just_reserving_are_passed_over_and_not_waited_for(crowd: World):
    posts = due(crowd, 4)
    now = crowd.clock.now()
    with ThreadPoolExecutor(1) as pool, crowd.db.transaction() as tx:  # who waits is set free before it is waited for
        first = reservations.take(tx, now, now - RESERVED_FOR, 2)
        second = pool.submit(partial(reserved, crowd, 10)).result(PATIENCE)
    assert ids(first) == ids(posts[:2])
    assert ids(second) == ids(posts[2:])


def test_no_more_than_a_batch_is_reserved_however_many_are_due(crowd: World):
    due(crowd, 30)
    batches = together([partial(reserved, crowd, 3)] * 8)
    assert errors(batches) == []
    taken = [post.id for batch in batches for post in batch]
    assert [len(batch) for batch in batches] == [3] * 8
    assert len(set(taken)) == 24


def test_a_slow_post_holds_up_nobody_but_itself(polling: World):
    posts = due(polling, 25)
    others_are_out = threading.Event()

    def slow_first(submission: Submission) -> None:
        if submission.post_id == posts[0].id:
            assert others_are_out.wait(PATIENCE)
        elif len(polling.publisher.submissions) == 25:
            others_are_out.set()

    polling.publisher.during_send = slow_first
    assert poll(polling.deps).recovered == 25
    assert others_are_out.is_set()


def test_no_more_posts_are_in_flight_at_a_time_than_the_settings_say(polling: World):
    polling.set(poll_concurrency=3, poll_batch_size=4)
    due(polling, 12)
    lock, now, most = threading.Lock(), [0], [0]
    full = threading.Barrier(3)

    def count(_submission: Submission) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        full.wait(PATIENCE)  # nobody leaves before three are in
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


def test_told_to_stop_it_ends_the_send_it_is_at_and_leaves_the_others_free_at_once(
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
