"""Our clock apart from QStash's: few messages for one post, and no send before its instant by our clock."""

from datetime import UTC, datetime, timedelta

import pytest

from app.delivery import dispatch
from app.delivery.postpone import MAX_REARMS
from app.domain.delivery import Dispatched
from app.domain.post import Post
from app.domain.seats import Seats
from app.sweep.sweep import sweep
from tests.support.world import IN_TEN_MINUTES, World

MAX_MESSAGES = 4


class QStashAhead:
    """A message service with a clock of its own, `ahead` of ours, that delivers each message at its second."""

    def __init__(self, world: World, ahead: float, *, signs: bool = True) -> None:
        self.world, self.ahead, self.signs = world, timedelta(seconds=ahead), signs
        self.seconds_passed: list[bool] = []  # of each message after the first: was its second over at its arming?

    def now(self) -> datetime:
        return self.world.clock.now() + self.ahead

    def deliver_until_sent(self, post: Post, most: int = 200) -> list[Dispatched]:
        """Deliver message after message, each at its second by this clock, until one is sent or none is left."""
        answers: list[Dispatched] = []
        pending = self.world.messages.pending
        while pending and len(answers) < most and not self.world.publisher.submissions:
            message_id, alarm = min(pending.items(), key=lambda one: one[1].not_before)
            del pending[message_id]
            second = datetime.fromtimestamp(alarm.not_before, UTC)
            self.world.clock.set(max(second - self.ahead, self.world.clock.now()))
            signed_at = self.now().replace(microsecond=0) if self.signs else None
            known = set(pending)
            answers.append(
                dispatch.dispatch(self.world.deps, post.id, post.generation, "message", message_id, signed_at)
            )
            self.seconds_passed += [
                made.not_before <= int(self.now().timestamp()) for id, made in pending.items() if id not in known
            ]
        return answers


def no_free_seat() -> Seats:
    seats = Seats(1)
    assert seats.take("another", ("post", 1)) is not None
    return seats


@pytest.mark.parametrize("ahead", [0.0, 1.0, 2.5, 5.0, 8.0, 10.0, -8.0, -3600.0])
@pytest.mark.parametrize("milliseconds", [0, 400])
def test_post_is_sent_at_its_instant_by_few_messages_when_clocks_differ(world: World, ahead: float, milliseconds: int):
    due = IN_TEN_MINUTES + timedelta(milliseconds=milliseconds)
    post = world.scheduled(due)
    answers = QStashAhead(world, ahead).deliver_until_sent(post)
    assert [answer.status for answer in answers] == ["dispatched"]
    lateness = timedelta(milliseconds=world.attempts(post)[0].lateness_ms or 0)
    assert timedelta(0) <= lateness <= max(timedelta(0), -timedelta(seconds=ahead))


@pytest.mark.parametrize("ahead", [2.5, 5.0, 8.0, 10.0])
def test_post_without_a_seat_takes_few_messages_when_our_clock_is_behind(world: World, ahead: float):
    post = world.scheduled()
    world.with_deps(seats=no_free_seat())
    qstash = QStashAhead(world, ahead)
    answers = qstash.deliver_until_sent(post)
    assert answers[-1] == Dispatched("dispatched")
    assert len(answers) <= MAX_MESSAGES
    assert not any(qstash.seconds_passed)
    assert 0 <= (world.attempts(post)[0].lateness_ms or 0) <= 3_000


def test_unsigned_deliveries_too_early_stay_few_and_the_post_goes_out(world: World):
    post = world.scheduled()
    answers = QStashAhead(world, 8.0, signs=False).deliver_until_sent(post)
    assert answers[-1] == Dispatched("dispatched")
    assert len(answers) <= MAX_REARMS + 1
    assert 0 <= (world.attempts(post)[0].lateness_ms or 0) <= 20_000


@pytest.mark.parametrize("signed", [timedelta(days=365), timedelta(days=-365), timedelta(seconds=11)])
def test_signed_instant_too_far_from_ours_is_not_believed(world: World, signed: timedelta):
    post = world.scheduled()
    now = world.clock.now()
    answer = dispatch.dispatch(world.deps, post.id, 1, "message", post.message_id, now + signed)
    assert answer == Dispatched("early", "armed_again")
    assert world.messages.published[-1].not_before == int(IN_TEN_MINUTES.timestamp()) - 1


def test_deliveries_far_too_early_end_unarmed_with_the_sweep_as_their_net(world: World):
    post = world.scheduled(IN_TEN_MINUTES + timedelta(days=1))
    answers = []
    for _ in range(MAX_REARMS + 5):
        answers.append(world.dispatch(post, message_id=world.read(post).message_id))
    assert answers[:MAX_REARMS] == [Dispatched("early", "armed_again")] * MAX_REARMS
    assert set(answers[MAX_REARMS:]) == {Dispatched("early", "left_to_sweep")}
    assert len(world.messages.published) == 1 + MAX_REARMS
    assert not world.read(post).armed
    world.clock.advance(minutes=5)
    sweep(world.deps)
    assert world.read(post).armed


def test_limit_of_rearmings_counts_for_one_due_instant(world: World):
    post = world.scheduled(IN_TEN_MINUTES + timedelta(days=1))
    world.overwrite(post, rearm_count=MAX_REARMS)
    again = world.schedule(post, IN_TEN_MINUTES + timedelta(days=2)).post
    assert world.dispatch(again, message_id=again.message_id) == Dispatched("early", "armed_again")
    assert world.read(again).rearm_count == 1


def test_deferral_is_armed_for_a_second_ahead_of_both_clocks(world: World):
    world.set(account_spacing_seconds=3.0)
    first, second = world.scheduled(), world.scheduled()
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(first) == Dispatched("dispatched")
    signed_at = IN_TEN_MINUTES + timedelta(seconds=8)
    moved = dispatch.dispatch(world.deps, second.id, 1, "message", second.message_id, signed_at)
    assert moved == Dispatched("retry_scheduled", "spaced")
    assert world.messages.published[-1].not_before > int(signed_at.timestamp())
