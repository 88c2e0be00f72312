"""What a sweep counts, writes down and leaves alone, to the millisecond and to the post."""

from datetime import timedelta

from app.domain.explanations import SENTENCES
from app.posts import schedule
from app.store.operations import runs
from app.sweep.sweep import sweep
from tests.support.fakes import answered
from tests.support.world import IN_TEN_MINUTES, USER, World

PAST = timedelta(minutes=1)


def unarmed(world: World, count: int) -> list[str]:
    """Posts whose alarm the message service did not take, some time ago."""
    world.messages.refusing = "unreachable"
    ids = [world.scheduled(IN_TEN_MINUTES + timedelta(hours=1, seconds=n)).id for n in range(count)]
    world.messages.refusing = None
    world.clock.advance(minutes=5)
    world.messages.batches.clear()
    return ids


def test_how_long_it_took_is_told_in_milliseconds(world: World):
    world.due()
    world.clock.advance(minutes=1)
    world.with_deps(messages=None)
    world.publisher.during_send = lambda _: world.clock.advance(seconds=8)
    assert sweep(world.deps).duration_ms == 8_000


def test_the_very_end_of_its_time_is_too_late_to_begin_another_send(world: World):
    for _ in range(2):
        world.scheduled()
    world.clock.set(IN_TEN_MINUTES + PAST)
    world.set(sweep_budget_seconds=25.0)
    world.with_deps(messages=None)
    world.publisher.during_send = lambda _: world.clock.advance(seconds=20)
    sweep(world.deps)
    assert len(world.publisher.submissions) == 1


def test_a_database_that_is_away_for_a_moment_as_it_ends_leaves_no_lease_behind(world: World):
    for before in range(2, 20):  # the lease is taken by then; counting, pruning and the end are still to come
        for _ in range(before):
            world.at_next_transaction(lambda: None)
        world.at_next_transaction(lambda: world.cut_database(1))
        sweep(world.deps)
        with world.db.reading() as connection:
            assert runs.read_lease(connection, runs.SWEEP) is None
            figures = runs.read_figures(connection, runs.SWEEP)
        assert figures is not None
        assert figures.last_status == "ok"
        world.db.before.clear()


def test_once_the_rope_broke_nothing_is_armed_in_this_run(world: World):
    unarmed(world, 1)
    world.due()
    world.clock.set(IN_TEN_MINUTES + PAST)
    world.messages.refusing = "unreachable"
    world.messages.batches.clear()
    sweep(world.deps)
    assert len(world.messages.batches) == 1


def test_a_batch_that_is_refused_does_not_hide_the_rest_and_only_what_was_taken_counts(world: World):
    first, second, third = unarmed(world, 3)
    world.set(sweep_batch_size=2)
    world.messages.refused_posts = {first, second}
    assert sweep(world.deps).armed == 1
    assert [alarm.post_id for alarm in world.messages.pending.values()] == [third]


def test_a_row_that_is_set_aside_tells_its_author_why_and_when_that_was(world: World):
    post = world.due()
    now = world.clock.advance(minutes=1)
    world.with_deps(messages=None)

    def breaks(count: int = 1) -> None:
        raise RuntimeError("told to break")

    world.publisher.warm = breaks  # type: ignore[method-assign]
    sweep(world.deps)
    after = world.read(post)
    assert (after.error_code, after.error_message) == ("publisher_error", SENTENCES["publisher_error"])
    assert (after.updated_at, after.next_attempt_at) == (now, now + timedelta(minutes=5))


def test_in_poll_mode_a_post_that_is_sent_was_never_armed(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + PAST)
    world.with_deps(messages=None)
    sweep(world.deps)
    assert world.read(post).status == "publishing"
    assert world.read(post).arm_count == post.arm_count


def test_what_is_armed_is_counted_over_all_batches(world: World):
    world.set(sweep_batch_size=1)
    for _ in range(3):
        world.in_flight()
        world.clock.set(IN_TEN_MINUTES - PAST)
    world.clock.set(IN_TEN_MINUTES + timedelta(hours=1))
    swept = sweep(world.deps)
    assert (swept.expired, swept.armed) == (3, 3)


def test_who_was_called_off_meanwhile_is_not_counted_as_recovered(world: World):
    posts = [world.scheduled(IN_TEN_MINUTES + timedelta(seconds=n)) for n in range(2)]
    world.clock.set(IN_TEN_MINUTES + PAST)
    world.with_deps(messages=None)
    world.publisher.during_send = lambda _: schedule.unschedule(world.deps, USER, posts[1].id)
    assert sweep(world.deps).recovered == 1


def test_what_failed_is_counted_over_all_batches(world: World):
    world.set(sweep_batch_size=1)
    for n in range(3):
        world.scheduled(IN_TEN_MINUTES + timedelta(seconds=n))
    world.clock.set(IN_TEN_MINUTES + PAST)
    world.with_deps(messages=None)
    world.publisher.answers(answered(400), answered(400), answered(200))
    swept = sweep(world.deps)
    assert (swept.recovered, swept.failed) == (3, 2)
