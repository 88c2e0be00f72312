"""The sweep as a whole: one at a time, inside its budget, what it arms, what it counts; and poll mode."""

from datetime import timedelta

import pytest

from app.domain.errors import Unavailable
from app.domain.post import Post
from app.store.operations import runs
from app.sweep.sweep import sweep
from tests.support.fakes import START, answered
from tests.support.world import IN_TEN_MINUTES, World


def due_posts(world: World, count: int, past: timedelta = timedelta(minutes=1)) -> list[Post]:
    posts = [world.scheduled() for _ in range(count)]
    world.clock.set(IN_TEN_MINUTES + past)
    return posts


def sending_takes(world: World, seconds: float) -> None:
    world.publisher.during_send = lambda _: world.clock.advance(seconds=seconds)


def lease(world: World) -> runs.Lease | None:
    with world.db.reading() as connection:
        return runs.read_lease(connection, runs.SWEEP)


def figures(world: World) -> runs.SweepFigures | None:
    with world.db.reading() as connection:
        return runs.read_figures(connection, runs.SWEEP)


def test_nothing_to_do_is_done_and_counted(world: World):
    swept = sweep(world.deps)
    assert (swept.skipped, swept.total, swept.expired, swept.armed, swept.remaining) == (False, 0, 0, 0, 0)
    assert figures(world) == runs.SweepFigures(1, START, 0.0, "ok")
    assert lease(world) is None


@pytest.mark.parametrize("poll", [False, True])
def test_it_stops_at_its_time_budget_and_says_what_remains(world: World, poll: bool):
    posts = due_posts(world, 6)
    world.set(sweep_budget_seconds=25.0)
    if poll:
        world.with_deps(messages=None)
    world.messages.refusing = "unreachable"
    sending_takes(world, 8)
    swept = sweep(world.deps)
    sent = len(world.publisher.submissions)
    assert 0 < sent < 6
    assert world.clock.now() - (IN_TEN_MINUTES + timedelta(minutes=1)) <= timedelta(seconds=25 + 8)
    assert (swept.recovered, swept.remaining, swept.total) == (sent, 6 - sent, 6)
    assert [str(world.read(post).status) for post in posts].count("scheduled") == 6 - sent


def test_what_remained_is_done_by_the_next_ones(world: World):
    posts = due_posts(world, 6)
    world.messages.refusing = "unreachable"
    sending_takes(world, 8)
    for _ in range(3):
        sweep(world.deps)
    assert len({sent.post_id for sent in world.publisher.submissions}) == 6
    assert len(world.publisher.submissions) == 6
    assert {world.read(post).status for post in posts} == {"publishing"}


def test_a_flood_of_expired_posts_does_not_starve_the_overdue_ones(world: World):
    world.set(sweep_batch_size=1)
    flood = [world.in_flight() for _ in range(10)]
    post = world.scheduled(world.clock.now() + timedelta(seconds=30))
    world.after_lease(flood[-1])
    world.clock.advance(minutes=5)
    arming = []

    def slow(alarm, _id) -> None:
        arming.append(alarm.post_id)
        world.clock.advance(seconds=4)

    world.messages.during_publish = slow
    sweep(world.deps)
    assert post.id in arming
    assert len(arming) < 11


def test_a_second_sweep_at_the_same_time_is_skipped_and_touches_nothing(world: World):
    due_posts(world, 1)
    inner = []
    world.messages.during_publish = lambda _alarm, _id: inner.append(sweep(world.deps))
    outer = sweep(world.deps)
    assert [swept.skipped for swept in inner] == [True]
    assert (outer.skipped, outer.recovered) == (False, 1)
    assert figures(world).total_runs == 1  # type: ignore[union-attr]


def test_the_lease_of_a_dead_sweep_is_taken_over_once_it_is_over(world: World):
    until = START + timedelta(seconds=85)
    assert runs.take_lease(world.db, runs.SWEEP, "the dead one", now=START, until=until)
    world.clock.set(until - timedelta(microseconds=1))
    assert sweep(world.deps).skipped
    world.clock.set(until)
    assert not sweep(world.deps).skipped
    assert lease(world) is None


def test_a_sweep_holds_its_lease_for_its_budget_one_more_send_and_a_margin(world: World):
    due_posts(world, 1)
    seen = []
    world.messages.during_publish = lambda _alarm, _id: seen.append(lease(world))
    sweep(world.deps)
    (held,) = seen
    assert held is not None
    assert held.expires_at == IN_TEN_MINUTES + timedelta(minutes=1, seconds=25 + 30 + 10)


def test_a_sweep_that_fails_says_so_and_gives_its_lease_back(world: World):
    due_posts(world, 1)

    def broken(_alarm, _id) -> None:
        raise RuntimeError("told to break")

    world.messages.during_publish = broken
    with pytest.raises(RuntimeError):
        sweep(world.deps)
    assert lease(world) is None
    assert figures(world).last_status == "failed"  # type: ignore[union-attr]


def test_a_database_that_is_down_is_told_to_the_caller(world: World):
    world.cut_database(1)
    with pytest.raises(Unavailable):
        sweep(world.deps)


def test_an_unarmed_post_is_armed_for_its_own_instant(world: World):
    world.messages.refusing = "unreachable"
    post = world.scheduled(IN_TEN_MINUTES)
    world.messages.refusing = None
    world.clock.advance(minutes=1)
    assert sweep(world.deps).armed == 1
    now = world.read(post)
    assert now.armed
    assert now.swept_at is None
    assert world.messages.published[-1].not_before == int(IN_TEN_MINUTES.timestamp()) - 1


@pytest.mark.parametrize(("age", "armed"), [(29.999, 0), (30, 1)])
def test_a_row_whose_author_may_still_be_waiting_for_the_message_service_is_left_alone(
    world: World, age: float, armed: int
):
    world.messages.refusing = "unreachable"
    world.scheduled()
    world.messages.refusing = None
    world.clock.advance(seconds=age)
    assert sweep(world.deps).armed == armed


def test_an_armed_post_is_not_armed_again(world: World):
    world.scheduled()
    world.clock.advance(minutes=5)
    assert sweep(world.deps).armed == 0
    assert len(world.messages.published) == 1


def test_unarmed_posts_are_armed_in_batches(world: World):
    world.set(sweep_batch_size=2)
    world.messages.refusing = "unreachable"
    posts = [world.scheduled() for _ in range(5)]
    world.messages.refusing = None
    world.clock.advance(minutes=1)
    assert sweep(world.deps).armed == 5
    assert [len(batch) for batch in world.messages.batches] == [2, 2, 1]
    assert all(world.read(post).armed for post in posts)


def test_a_schedule_that_is_answered_while_the_sweep_arms_wins(world: World):
    world.messages.refusing = "unreachable"
    post = world.scheduled()
    world.messages.refusing = None
    world.clock.advance(minutes=1)

    def reschedule(_alarm, _id) -> None:
        world.messages.during_publish = None
        world.schedule(post, IN_TEN_MINUTES + timedelta(hours=1))

    world.messages.during_publish = reschedule
    sweep(world.deps)
    now = world.read(post)
    assert (now.generation, now.armed) == (2, True)
    assert world.messages.pending.keys() == {now.message_id}


def test_in_poll_mode_due_posts_are_dispatched_here_without_any_grace(world: World):
    world.with_deps(messages=None)
    (post,) = due_posts(world, 1, timedelta(microseconds=1))
    swept = sweep(world.deps)
    assert (swept.recovered, swept.total, swept.remaining, swept.armed) == (1, 1, 0, 0)
    assert world.read(post).status == "publishing"
    assert world.attempts(post)[0].trigger == "poll"


def test_in_poll_mode_nothing_is_sent_before_its_instant(world: World):
    world.with_deps(messages=None)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(microseconds=1))
    sweep(world.deps)
    assert world.read(post).status == "scheduled"
    assert world.publisher.submissions == []


def test_in_poll_mode_retries_and_lost_senders_are_tried_again_too(world: World):
    world.with_deps(messages=None)
    post, lost = due_posts(world, 2)
    world.publisher.answers(answered(500))
    sweep(world.deps)
    assert sorted(world.read(p).status for p in (post, lost)) == ["publishing", "scheduled"]
    world.clock.advance(minutes=11)
    swept = sweep(world.deps)
    assert (swept.expired, swept.recovered) == (1, 2)
    assert len(world.publisher.submissions) == 4


def test_in_poll_mode_the_sweep_sends_more_than_one_batch(world: World):
    world.with_deps(messages=None)
    world.set(sweep_batch_size=2)
    due_posts(world, 5)
    assert sweep(world.deps).recovered == 5
    assert len(world.publisher.submissions) == 5
