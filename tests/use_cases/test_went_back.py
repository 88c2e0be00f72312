"""The database went back in time: messages and the message service's log prove it, and posts in doubt are held."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.domain.delivery import Dispatched
from app.domain.post import Post
from app.restore.after_restore import after_restore
from app.restore.went_back import check_message
from app.store.schema.tables import new_id, posts, recovery_holds
from app.sweep.restored import MAX_QUESTIONS
from app.sweep.sweep import sweep
from tests.support.fakes import START
from tests.support.world import IN_TEN_MINUTES, World

ALERT = {"database_went_back": "scheduler"}
OVERDUE = IN_TEN_MINUTES + timedelta(minutes=2)
ARMED = IN_TEN_MINUTES - timedelta(minutes=1)  # of a lost message, after the backup


def holds(world: World) -> list[sa.Row]:
    with world.db.reading() as connection:
        return list(connection.execute(sa.select(recovery_holds).order_by(recovery_holds.c.id)))


def forgotten(world: World, **values) -> Post:
    """Return an overdue post: its message was delivered, but the database has forgotten that."""
    post = world.scheduled(**values)
    assert post.message_id is not None
    world.messages.delivered[post.message_id] = IN_TEN_MINUTES
    world.clock.set(OVERDUE)
    return post


# The sweep and the log of the message service


@pytest.mark.parametrize("platform", ["linkedin", "facebook", "instagram"])
def test_sweep_holds_overdue_posts_once_a_message_of_one_was_acknowledged(world: World, platform: str):
    stays = world.scheduled(at=OVERDUE + timedelta(hours=1), platform=platform)
    unscheduled = world.scheduled(platform=platform)
    sent = forgotten(world, platform=platform)
    swept = sweep(world.deps)
    assert (swept.held, swept.recovered) == (2, 0)
    for post in (sent, unscheduled):
        assert (world.read(post).status, world.read(post).error_code) == ("failed", "outcome_unknown")
        assert world.attempts(post)[0].sent_at == START  # the latest instant before the proof
    assert world.read(stays) == stays
    assert world.alerts() == ALERT
    world.clock.advance(minutes=5)
    sweep(world.deps)
    assert world.publisher.submissions == []
    world.at_due(stays)
    assert world.dispatch(stays) == Dispatched("dispatched")


def test_posts_in_flight_at_the_backup_are_held_before_their_lease_starts_a_retry(world: World):
    flying = world.in_flight()
    world.clock.set(IN_TEN_MINUTES + timedelta(minutes=1))
    post = world.scheduled(at=world.clock.now() + timedelta(minutes=1))
    world.messages.delivered[post.message_id or ""] = world.clock.now() + timedelta(minutes=1)
    world.clock.advance(minutes=8)
    sweep(world.deps)
    assert {world.read(each).status for each in (flying, post)} == {"failed"}
    assert len(world.publisher.submissions) == 1


@pytest.mark.parametrize("behind", [0, 9])
def test_post_in_flight_is_held_although_the_message_services_clock_is_behind(world: World, behind: int):
    flying = world.in_flight(platform="instagram")
    proof = world.scheduled(at=IN_TEN_MINUTES + timedelta(seconds=1))
    world.messages.delivered[proof.message_id or ""] = IN_TEN_MINUTES - timedelta(seconds=behind)
    world.clock.set(OVERDUE)
    assert sweep(world.deps).held == 2
    assert world.reasons(flying)[-1] == "held_after_restore"


def test_post_claimed_after_the_restore_is_left_to_its_report(world: World):
    old = world.scheduled()
    world.messages.delivered[old.message_id or ""] = IN_TEN_MINUTES
    world.clock.set(IN_TEN_MINUTES + timedelta(minutes=1))
    new = world.scheduled(at=world.clock.now())
    assert world.dispatch(new) == Dispatched("dispatched")
    world.clock.advance(minutes=1)
    sweep(world.deps)
    assert (world.read(old).status, world.read(new).status) == ("failed", "publishing")


def test_sweep_after_an_outage_sends_overdue_posts_as_ever(world: World):
    post = world.scheduled()
    world.clock.set(OVERDUE + timedelta(hours=2))
    swept = sweep(world.deps)
    assert (swept.recovered, swept.held, world.alerts()) == (1, 0, {})
    assert world.messages.looked_up == [post.message_id]
    assert holds(world) == []


@pytest.mark.parametrize("error", ["unreachable", "unauthorized", "broken_answer", "rate_limited"])
def test_unreadable_log_proves_nothing_and_the_sweep_goes_on(world: World, error: str):
    posts_in_line = [forgotten(world), world.scheduled(at=OVERDUE)]
    world.clock.advance(minutes=2)
    world.messages.log_error = error
    assert sweep(world.deps).recovered == 2
    assert len(world.messages.looked_up) == 1
    assert {world.read(post).status for post in posts_in_line} == {"publishing"}


def test_sweep_asks_about_a_handful_of_posts_and_about_none_swept_or_unarmed(world: World):
    for _ in range(MAX_QUESTIONS + 3):
        world.scheduled()
    world.clock.set(OVERDUE)
    sweep(world.deps)
    assert len(world.messages.looked_up) == MAX_QUESTIONS
    world.clock.advance(minutes=5)
    sweep(world.deps)
    assert len(world.messages.looked_up) == MAX_QUESTIONS


def test_post_claimed_between_the_question_and_the_second_look_proves_nothing(world: World):
    post = forgotten(world)
    answer = world.messages.delivered_at

    def deliver_then_answer(message_id: str):
        world.dispatch(post)
        return answer(message_id)

    world.messages.delivered_at = deliver_then_answer  # type: ignore[method-assign]
    assert sweep(world.deps).held == 0
    assert world.read(post).status == "publishing"


def test_posts_of_the_last_moments_are_held_by_the_next_sweep(world: World):
    forgotten(world)
    recent = world.scheduled(at=OVERDUE)  # not overdue yet
    world.clock.set(OVERDUE + timedelta(seconds=10))
    assert sweep(world.deps).held == 1
    assert (world.read(recent).status, holds(world)[0].finished_at) == ("scheduled", None)
    world.clock.advance(minutes=5)
    assert sweep(world.deps).held == 1
    assert world.read(recent).status == "failed"
    assert holds(world)[0].finished_at is not None
    assert holds(world)[0].held == 2


def test_interrupted_hold_is_finished_by_the_next_sweep_before_it_sends(world: World):
    world.set(sweep_batch_size=1)
    group = [forgotten(world), world.scheduled(at=OVERDUE - timedelta(minutes=1))]
    stops = iter([False] * 4)
    sweep(world.deps, lambda: next(stops, True))
    world.clock.advance(minutes=5)
    sweep(world.deps)
    assert {world.read(post).status for post in group} == {"failed"}
    assert world.publisher.submissions == []


# Messages


def test_message_of_a_later_generation_holds_the_overdue_posts(world: World):
    overdue = world.scheduled()
    other = world.scheduled(at=OVERDUE + timedelta(hours=1))
    world.clock.set(OVERDUE)
    check_message(world.deps, other.id, other.generation + 1, None, ARMED)
    assert world.read(overdue).status == "failed"
    assert world.read(other) == other
    assert world.alerts() == ALERT
    [row] = holds(world)
    assert (row.since, row.until, row.proven_at, row.held) == (START, OVERDUE, ARMED, 1)


def test_lease_alarm_of_a_later_attempt_holds_the_overdue_posts(world: World):
    overdue = world.scheduled()
    world.clock.set(OVERDUE)
    check_message(world.deps, overdue.id, overdue.generation, overdue.attempt + 1, ARMED)
    assert world.read(overdue).status == "failed"


def test_recent_message_for_a_missing_post_holds_the_overdue_posts(world: World):
    overdue = world.scheduled()
    world.clock.set(OVERDUE)
    check_message(world.deps, new_id(), 1, None, ARMED)
    assert world.read(overdue).status == "failed"


@pytest.mark.parametrize(
    ("generation", "attempt", "age"),
    [(0, None, 60), (1, None, 60), (1, 1, 60), (1, 0, 60), (0, 9, 60)],
    ids=["older generation", "same", "same attempt", "earlier attempt", "attempt of an older generation"],
)
def test_message_no_newer_than_the_row_proves_nothing(world: World, generation: int, attempt: int | None, age: int):
    post = world.in_flight()
    world.clock.set(OVERDUE)
    check_message(world.deps, post.id, generation, attempt, OVERDUE - timedelta(seconds=age))
    assert holds(world) == []


def test_old_message_or_lease_alarm_for_a_missing_post_proves_nothing(world: World):
    world.scheduled()
    world.clock.set(OVERDUE + timedelta(days=2))
    check_message(world.deps, new_id(), 1, None, OVERDUE)
    check_message(world.deps, new_id(), 1, 1, world.clock.now())  # retention may have deleted the published post
    assert holds(world) == []


def test_message_older_than_all_that_the_database_knows_is_another_installations(world: World):
    world.scheduled()
    world.clock.set(OVERDUE)
    check_message(world.deps, new_id(), 1, None, START - timedelta(seconds=1))
    assert (holds(world), world.alerts()) == ([], {})


def test_rollback_is_recorded_once_however_many_messages_prove_it(world: World):
    post = world.scheduled(at=OVERDUE + timedelta(hours=1))
    world.clock.set(OVERDUE)
    for generation in (2, 3, 4):
        check_message(world.deps, post.id, generation, None, ARMED + timedelta(seconds=generation))
    assert len(holds(world)) == 1
    world.clock.advance(minutes=1)
    check_message(world.deps, post.id, 5, None, OVERDUE + timedelta(seconds=1))  # a second rollback
    assert len(holds(world)) == 2


def test_message_from_a_clock_ahead_is_dated_now(world: World):
    post = world.scheduled()
    world.clock.set(OVERDUE)
    check_message(world.deps, post.id, 2, None, OVERDUE + timedelta(days=1))
    assert holds(world)[0].proven_at == OVERDUE


def test_posts_due_at_this_moment_are_not_held_by_a_message(world: World):
    now_due = world.scheduled()
    world.clock.set(IN_TEN_MINUTES)
    check_message(world.deps, now_due.id, 2, None, ARMED)
    assert world.read(now_due).status == "scheduled"
    assert world.dispatch(now_due) == Dispatched("dispatched")


def test_command_ends_the_alert_and_an_unfinished_hold(world: World):
    forgotten(world)
    world.scheduled(at=OVERDUE)
    sweep(world.deps)
    assert world.alerts() == ALERT
    done = after_restore(world.deps, START, lambda _: None)
    assert done.held == 1
    assert world.alerts() == {}
    assert all(row.finished_at is not None for row in holds(world))


def test_poll_mode_asks_nothing(world: World):
    post = forgotten(world)
    world.with_deps(messages=None)
    sweep(world.deps)
    assert world.read(post).status == "publishing"
    with world.db.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(posts)).scalar() == 1
