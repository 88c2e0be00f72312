"""The sweep as a whole: one at a time, its time budget, arming, counting, and poll mode."""

from datetime import timedelta

import pytest

from app.domain.errors import Unavailable
from app.domain.post import Post
from app.store.operations import runs, scheduler_state
from app.sweep.sweep import sweep
from tests.support.fakes import START, answered
from tests.support.world import IN_TEN_MINUTES, World


def due_posts(world: World, count: int, past: timedelta = timedelta(minutes=1)) -> list[Post]:
    posts = [world.scheduled() for _ in range(count)]
    world.clock.set(IN_TEN_MINUTES + past)
    return posts


def set_send_duration(world: World, seconds: float) -> None:
    world.publisher.during_send = lambda _: world.clock.advance(seconds=seconds)


def current_lease(world: World) -> runs.Lease | None:
    with world.db.reading() as connection:
        return scheduler_state.read(connection).lease


def current_figures(world: World) -> runs.SweepFigures | None:
    with world.db.reading() as connection:
        return runs.read_figures(connection, runs.SWEEP)


def test_sweep_with_nothing_to_do_is_recorded(world: World):
    swept = sweep(world.deps)
    assert (swept.skipped, swept.total, swept.expired, swept.armed, swept.remaining) == (False, 0, 0, 0, 0)
    assert current_figures(world) == runs.SweepFigures(1, START, 0.0, "ok")
    assert current_lease(world) is None


@pytest.mark.parametrize("poll", [False, True])
def test_sweep_stops_at_its_time_budget_and_counts_the_remaining_posts(world: World, poll: bool):
    posts = due_posts(world, 6)
    world.set(sweep_budget_seconds=25.0)
    if poll:
        world.with_deps(messages=None)
    world.messages.publish_error = "unreachable"
    set_send_duration(world, 8)
    swept = sweep(world.deps)
    sent = len(world.publisher.submissions)
    assert 0 < sent < 6
    assert world.clock.now() - (IN_TEN_MINUTES + timedelta(minutes=1)) <= timedelta(seconds=25 + 8)
    assert (swept.recovered, swept.remaining, swept.total) == (sent, 6 - sent, 6)
    assert [str(world.read(post).status) for post in posts].count("scheduled") == 6 - sent


def test_remaining_posts_are_sent_by_later_sweeps(world: World):
    posts = due_posts(world, 6)
    world.messages.publish_error = "unreachable"
    set_send_duration(world, 8)
    for _ in range(3):
        sweep(world.deps)
        world.clock.advance(seconds=1)
    assert len({sent.post_id for sent in world.publisher.submissions}) == 6
    assert len(world.publisher.submissions) == 6
    assert {world.read(post).status for post in posts} == {"publishing"}


def test_many_expired_posts_do_not_starve_overdue_ones(world: World):
    world.set(sweep_batch_size=1)
    expired = [world.in_flight() for _ in range(10)]
    post = world.scheduled(world.clock.now() + timedelta(seconds=30))
    world.after_lease(expired[-1])
    world.clock.advance(minutes=5)
    armed_post_ids = []

    def slow(alarm, _id) -> None:
        armed_post_ids.append(alarm.post_id)
        world.clock.advance(seconds=4)

    world.messages.during_publish = slow
    sweep(world.deps)
    assert world.read(post).status == "publishing"
    assert len(armed_post_ids) < 10


def test_concurrent_sweep_is_skipped_and_changes_nothing(world: World):
    due_posts(world, 1)
    inner = []
    world.publisher.during_send = lambda _: inner.append(sweep(world.deps))
    outer = sweep(world.deps)
    assert [swept.skipped for swept in inner] == [True]
    assert (outer.skipped, outer.recovered) == (False, 1)
    assert current_figures(world).total_runs == 1  # type: ignore[union-attr]


def test_expired_lease_of_a_dead_sweep_is_taken_over(world: World):
    until = START + timedelta(seconds=85)
    assert runs.acquire_lease(world.db, runs.SWEEP, "the dead one", now=START, until=until)
    world.clock.set(until - timedelta(microseconds=1))
    assert sweep(world.deps).skipped
    world.clock.set(until)
    assert not sweep(world.deps).skipped
    assert current_lease(world) is None


def test_sweep_lease_covers_its_budget_one_send_and_a_margin(world: World):
    due_posts(world, 1)
    seen = []
    world.publisher.during_send = lambda _: seen.append(current_lease(world))
    sweep(world.deps)
    (held,) = seen
    assert held is not None
    assert held.expires_at == IN_TEN_MINUTES + timedelta(minutes=1, seconds=25 + 30 + 10)


def test_failed_sweep_is_recorded_and_releases_its_lease(world: World):
    (post,) = due_posts(world, 1)
    world.overwrite(post, updated_at=world.clock.now())  # just armed, so it is armed again

    def fail(_alarm, _id) -> None:
        raise RuntimeError("simulated failure")

    world.messages.during_publish = fail
    with pytest.raises(RuntimeError):
        sweep(world.deps)
    assert current_lease(world) is None
    assert current_figures(world).last_status == "failed"  # type: ignore[union-attr]


def test_sweep_raises_if_the_database_is_down(world: World):
    world.fail_transactions(1)
    with pytest.raises(Unavailable):
        sweep(world.deps)


def test_unarmed_post_is_armed_for_its_own_instant(world: World):
    world.messages.publish_error = "unreachable"
    post = world.scheduled(IN_TEN_MINUTES)
    world.messages.publish_error = None
    world.clock.advance(minutes=1)
    assert sweep(world.deps).armed == 1
    after = world.read(post)
    assert after.armed
    assert after.swept_at is None
    assert world.messages.published[-1].not_before == int(IN_TEN_MINUTES.timestamp()) - 1


@pytest.mark.parametrize(("age", "armed"), [(29.999, 0), (30, 1)])
def test_row_that_may_still_be_arming_is_left_alone_for_thirty_seconds(world: World, age: float, armed: int):
    world.messages.publish_error = "unreachable"
    world.scheduled()
    world.messages.publish_error = None
    world.clock.advance(seconds=age)
    assert sweep(world.deps).armed == armed


def test_armed_post_is_not_armed_again(world: World):
    world.scheduled()
    world.clock.advance(minutes=5)
    assert sweep(world.deps).armed == 0
    assert len(world.messages.published) == 1


def test_unarmed_posts_are_armed_in_batches(world: World):
    world.set(sweep_batch_size=2)
    world.messages.publish_error = "unreachable"
    posts = [world.scheduled() for _ in range(5)]
    world.messages.publish_error = None
    world.clock.advance(minutes=1)
    assert sweep(world.deps).armed == 5
    assert [len(batch) for batch in world.messages.batches] == [2, 2, 1]
    assert all(world.read(post).armed for post in posts)


def test_reschedule_while_the_sweep_arms_wins(world: World):
    world.messages.publish_error = "unreachable"
    post = world.scheduled()
    world.messages.publish_error = None
    world.clock.advance(minutes=1)

    def reschedule(_alarm, _id) -> None:
        world.messages.during_publish = None
        world.schedule(post, IN_TEN_MINUTES + timedelta(hours=1))

    world.messages.during_publish = reschedule
    sweep(world.deps)
    after = world.read(post)
    assert (after.generation, after.armed) == (2, True)
    assert world.messages.pending.keys() == {after.message_id}


def test_poll_mode_dispatches_due_posts_without_grace(world: World):
    world.with_deps(messages=None)
    (post,) = due_posts(world, 1, timedelta(microseconds=1))
    swept = sweep(world.deps)
    assert (swept.recovered, swept.total, swept.remaining, swept.armed) == (1, 1, 0, 0)
    assert world.read(post).status == "publishing"
    assert world.attempts(post)[0].trigger == "poll"


def test_poll_mode_sends_nothing_before_its_instant(world: World):
    world.with_deps(messages=None)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(microseconds=1))
    sweep(world.deps)
    assert world.read(post).status == "scheduled"
    assert world.publisher.submissions == []


def test_poll_mode_dispatches_retries_and_expired_posts_again(world: World):
    world.with_deps(messages=None)
    post, lost = due_posts(world, 2)
    world.publisher.answers(answered(500))
    sweep(world.deps)
    assert sorted(world.read(p).status for p in (post, lost)) == ["publishing", "scheduled"]
    world.clock.advance(seconds=490)
    swept = sweep(world.deps)
    assert (swept.expired, swept.recovered) == (1, 2)
    assert len(world.publisher.submissions) == 4


def test_poll_mode_sends_more_than_one_batch(world: World):
    world.with_deps(messages=None)
    world.set(sweep_batch_size=2)
    due_posts(world, 5)
    assert sweep(world.deps).recovered == 5
    assert len(world.publisher.submissions) == 5
