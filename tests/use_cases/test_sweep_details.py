"""Details of a sweep: its counts, its records, and the rows it leaves alone."""

from datetime import timedelta

from app.domain.explanations import SENTENCES
from app.posts import schedule
from app.store.operations import runs, scheduler_state
from app.sweep.sweep import sweep
from tests.support.fakes import answered
from tests.support.world import IN_TEN_MINUTES, USER, World

PAST = timedelta(minutes=1)


def schedule_unarmed(world: World, count: int) -> list[str]:
    """Schedule posts while the message service fails. Return their ids, five minutes later."""
    world.messages.publish_error = "unreachable"
    ids = [world.scheduled(IN_TEN_MINUTES + timedelta(hours=1, seconds=n)).id for n in range(count)]
    world.messages.publish_error = None
    world.clock.advance(minutes=5)
    world.messages.batches.clear()
    return ids


def test_sweep_duration_is_in_milliseconds(world: World):
    world.due()
    world.clock.advance(minutes=1)
    world.with_deps(messages=None)
    world.publisher.during_send = lambda _: world.clock.advance(seconds=8)
    assert sweep(world.deps).duration_ms == 8_000


def test_sweep_starts_no_send_at_the_end_of_its_time(world: World):
    for _ in range(2):
        world.scheduled()
    world.clock.set(IN_TEN_MINUTES + PAST)
    world.set(sweep_budget_seconds=25.0)
    world.with_deps(messages=None)
    world.publisher.during_send = lambda _: world.clock.advance(seconds=20)
    sweep(world.deps)
    assert len(world.publisher.submissions) == 1


def test_database_failure_at_the_end_of_a_sweep_leaves_no_lease(world: World):
    for before in range(2, 20):  # after the lease is taken: counting, pruning and the end remain
        for _ in range(before):
            world.at_next_transaction(lambda: None)
        world.at_next_transaction(lambda: world.fail_transactions(1))
        sweep(world.deps)
        with world.db.reading() as connection:
            assert scheduler_state.read(connection).lease is None
            figures = runs.read_figures(connection, runs.SWEEP)
        assert figures is not None
        assert figures.last_status == "ok"
        world.db.before.clear()


def test_sweep_arms_nothing_after_the_message_service_failed(world: World):
    schedule_unarmed(world, 1)
    world.due()
    world.clock.set(IN_TEN_MINUTES + PAST)
    world.messages.publish_error = "unreachable"
    world.messages.batches.clear()
    sweep(world.deps)
    assert len(world.messages.batches) == 1


def test_refused_batch_does_not_stop_the_next_and_is_not_counted_as_armed(world: World):
    first, second, third = schedule_unarmed(world, 3)
    world.set(sweep_batch_size=2)
    world.messages.refused_posts = {first, second}
    assert sweep(world.deps).armed == 1
    assert [alarm.post_id for alarm in world.messages.pending.values()] == [third]


def test_row_set_aside_shows_its_author_reason_and_time(world: World):
    post = world.due()
    now = world.clock.advance(minutes=1)
    world.with_deps(messages=None)

    def fail(count: int = 1) -> None:
        raise RuntimeError("simulated failure")

    world.publisher.warm = fail  # type: ignore[method-assign]
    sweep(world.deps)
    after = world.read(post)
    assert (after.error_code, after.error_message) == ("publisher_error", SENTENCES["publisher_error"])
    assert (after.updated_at, after.next_attempt_at) == (now, now + timedelta(minutes=5))


def test_poll_mode_sends_a_post_without_arming_it(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + PAST)
    world.with_deps(messages=None)
    sweep(world.deps)
    assert world.read(post).status == "publishing"
    assert world.read(post).arm_count == post.arm_count


def test_armed_count_covers_all_batches(world: World):
    world.set(sweep_batch_size=1, unknown_outcome_policy="retry")  # without a report they would be held
    for _ in range(3):
        world.in_flight()
        world.clock.set(IN_TEN_MINUTES - PAST)
    world.clock.set(IN_TEN_MINUTES + timedelta(seconds=490))
    swept = sweep(world.deps)
    assert (swept.expired, swept.armed) == (3, 3)


def test_post_unscheduled_during_the_sweep_is_not_counted_as_recovered(world: World):
    posts = [world.scheduled(IN_TEN_MINUTES + timedelta(seconds=n)) for n in range(2)]
    world.clock.set(IN_TEN_MINUTES + PAST)
    world.with_deps(messages=None)
    world.publisher.during_send = lambda _: schedule.unschedule(world.deps, USER, posts[1].id)
    assert sweep(world.deps).recovered == 1


def test_failed_count_covers_all_batches(world: World):
    world.set(sweep_batch_size=1)
    for n in range(3):
        world.scheduled(IN_TEN_MINUTES + timedelta(seconds=n))
    world.clock.set(IN_TEN_MINUTES + PAST)
    world.with_deps(messages=None)
    world.publisher.answers(answered(400), answered(400), answered(200))
    swept = sweep(world.deps)
    assert (swept.recovered, swept.failed) == (3, 2)
