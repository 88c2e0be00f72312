"""Poll mode with one worker: its start, its bounds and its totals."""

from datetime import timedelta

import pytest

from app.store.operations import runs
from app.sweep.sweep import poll, sweep, wait_jitter
from tests.support.fakes import START, answered
from tests.support.world import IN_TEN_MINUTES, World


@pytest.fixture
def polling(world: World) -> World:
    world.with_deps(messages=None)
    return world


def test_poll_starts_at_a_random_point_within_the_jitter(polling: World):
    polling.set(poll_jitter_seconds=20.0)
    for share in (0.0, 0.25, 0.999):
        before = polling.clock.now()
        wait_jitter(polling.with_deps(random=lambda share=share: share))
        assert polling.clock.now() - before == timedelta(seconds=20 * share)


def test_poll_starts_immediately_without_jitter_or_with_a_message_service(world: World):
    world.set(poll_jitter_seconds=20.0)
    wait_jitter(world.deps)
    world.set(poll_jitter_seconds=0.0)
    wait_jitter(world.with_deps(messages=None))
    assert world.clock.slept_until == []


def test_poll_with_a_message_service_is_a_sweep_and_skips_if_one_runs(world: World):
    world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(minutes=1))
    now = world.clock.now()
    runs.acquire_lease(world.db, runs.SWEEP, "another", now=now, until=now + timedelta(minutes=1))
    assert poll(world.deps).skipped
    assert (world.publisher.submissions, len(world.messages.published)) == ([], 1)


def test_posts_that_fall_due_during_a_poll_are_sent_by_it(polling: World):
    polling.set(poll_batch_size=1)
    first, second = polling.scheduled(IN_TEN_MINUTES), polling.scheduled(IN_TEN_MINUTES + timedelta(seconds=3))
    third = polling.scheduled(IN_TEN_MINUTES + timedelta(seconds=9))
    polling.clock.set(IN_TEN_MINUTES)
    polling.publisher.during_send = lambda _: polling.clock.advance(seconds=4)
    assert poll(polling.deps).recovered == 2
    assert [sent.post_id for sent in polling.publisher.submissions] == [first.id, second.id]
    assert polling.read(third).status == "scheduled"


def test_oldest_due_posts_are_sent_first(polling: World):
    posts = [polling.scheduled(IN_TEN_MINUTES + timedelta(seconds=n)) for n in (3, 1, 2)]
    polling.clock.set(IN_TEN_MINUTES + timedelta(minutes=1))
    poll(polling.deps)
    assert [sent.post_id for sent in polling.publisher.submissions] == [posts[n].id for n in (1, 2, 0)]


def test_sent_and_failed_totals_add_up_over_runs(polling: World):
    for answer in (200, 400, 200):
        post = polling.scheduled(polling.clock.now() + timedelta(seconds=1))
        polling.clock.advance(seconds=1)
        polling.publisher.answers(answered(answer))
        poll(polling.deps)
        assert polling.read(post).status == ("publishing" if answer == 200 else "failed")
    sweep(polling.deps)
    with polling.db.reading() as connection:
        figures = runs.read_figures(connection, runs.SWEEP)
    assert figures is not None
    assert (figures.total_runs, figures.total_sent, figures.total_failed) == (4, 3, 1)
    assert figures.last_run_at == START + timedelta(seconds=3)
