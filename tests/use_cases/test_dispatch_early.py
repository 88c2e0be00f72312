"""Early deliveries: waited for, or armed again without multiplying the message."""

from datetime import timedelta

import pytest

from app.domain.delivery import Dispatched
from app.domain.seats import Seats
from tests.support.world import IN_TEN_MINUTES, World

EARLY = IN_TEN_MINUTES - timedelta(seconds=60)
SECOND = int(IN_TEN_MINUTES.timestamp())


def test_delivery_too_early_to_wait_is_rearmed_and_acknowledged(world: World):
    post = world.scheduled()
    world.clock.set(EARLY)
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    after = world.read(post)
    assert (after.status, after.generation, after.arm_count) == ("scheduled", 1, 2)
    assert after.message_id == "msg_2"
    assert world.messages.pending["msg_2"].not_before == SECOND - 1
    assert world.publisher.submissions == []
    assert world.clock.slept_until == []


@pytest.mark.parametrize(("ahead", "status"), [(3.0, "dispatched"), (3.000001, "early")])
def test_longest_wait_is_the_lead_plus_two_seconds(world: World, ahead: float, status: str):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=ahead))
    assert world.dispatch(post, message_id=post.message_id).status == status


def test_each_arming_has_its_own_arm_count(world: World):
    post = world.scheduled()
    world.clock.set(EARLY)
    world.dispatch(post, message_id=post.message_id)
    counts = [(alarm.generation, alarm.arm_count) for alarm in world.messages.published]
    assert counts == [(1, 1), (1, 2)]


def test_duplicate_of_an_early_delivery_is_not_rearmed(world: World):
    post = world.scheduled()
    world.clock.set(EARLY)
    world.dispatch(post, message_id="msg_1")
    for _ in range(3):
        assert world.dispatch(post, message_id="msg_1") == Dispatched("early", "armed_already")
    assert len(world.messages.published) == 2
    assert world.read(post).message_id == "msg_2"


def test_early_delivery_is_rearmed_if_its_message_id_was_never_stored(world: World):
    world.messages.error_after_publish = "unreachable"
    post = world.scheduled()
    assert not post.armed
    world.messages.error_after_publish = None
    world.clock.set(EARLY)
    assert world.dispatch(post, message_id="msg_1") == Dispatched("early", "armed_again")
    assert world.read(post).message_id == "msg_2"


def test_early_delivery_that_cannot_be_rearmed_leaves_an_unarmed_row(world: World):
    post = world.scheduled()
    world.clock.set(EARLY)
    world.messages.publish_error = "unreachable"
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again", armed=False)
    after = world.read(post)
    assert (after.status, after.message_id, after.next_attempt_at) == ("scheduled", None, IN_TEN_MINUTES)
    world.messages.publish_error = None
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    assert world.read(post).armed


@pytest.mark.parametrize("moved", [{"generation": 2}, {"arm_count": 2}], ids=["another intent", "another arming"])
def test_early_delivery_does_not_touch_a_post_that_changed_meanwhile(world: World, moved: dict[str, int]):
    post = world.scheduled()
    world.clock.set(EARLY)
    world.at_next_transaction(lambda: world.overwrite(post, message_id="msg_of_another", **moved))
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "changed")
    assert world.read(post).message_id == "msg_of_another"
    assert len(world.messages.published) == 1


@pytest.mark.parametrize("milliseconds", [0, 1, 400, 999])
def test_early_delivery_without_a_seat_is_rearmed_for_a_second_not_before_the_instant(world: World, milliseconds: int):
    instant = IN_TEN_MINUTES + timedelta(milliseconds=milliseconds)
    post = world.scheduled(instant)
    world.with_deps(seats=no_free_seat())
    world.clock.set(instant - timedelta(seconds=1))
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    alarm = world.messages.pending["msg_2"]
    assert alarm.not_before == SECOND + (1 if milliseconds else 0)
    assert world.clock.slept_until == []
    assert world.publisher.submissions == []


def test_duplicate_without_a_seat_keeps_the_pending_message(world: World):
    post = world.scheduled()
    world.with_deps(seats=no_free_seat())
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    assert world.dispatch(post, message_id="msg_of_another") == Dispatched("early", "armed_already")
    assert world.read(post).message_id == post.message_id


def test_early_delivery_is_rearmed_if_there_are_no_seats(world: World):
    post = world.scheduled()
    world.with_deps(seats=None)
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    assert world.dispatch(post, message_id=post.message_id).status == "early"


def test_due_post_needs_no_seat(world: World):
    post = world.due()
    world.with_deps(seats=no_free_seat())
    assert world.dispatch(post) == Dispatched("dispatched")


def test_seat_is_released_if_the_wait_raises(world: World):
    seats = Seats(1)
    world.with_deps(seats=seats)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))

    def fail() -> None:
        raise InterruptedError("simulated failure")

    world.clock.during_sleep = fail
    with pytest.raises(InterruptedError):
        world.dispatch(post)
    world.clock.during_sleep = None
    assert world.dispatch(post) == Dispatched("dispatched")
    assert seats.free == 1


def no_free_seat() -> Seats:
    seats = Seats(1)
    assert seats.take("another", ("post", 1)) is not None
    return seats
