"""Deliveries ahead of their instant: waited out, or armed again so that the message is not lost and does not breed."""

import threading
from datetime import timedelta

import pytest

from app.delivery.settle import Dispatched
from tests.support.world import IN_TEN_MINUTES, World

EARLY = IN_TEN_MINUTES - timedelta(seconds=60)
SECOND = int(IN_TEN_MINUTES.timestamp())


def test_a_delivery_too_early_to_wait_for_is_armed_again_and_acknowledged(world: World):
    post = world.scheduled()
    world.clock.set(EARLY)
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    now = world.read(post)
    assert (now.status, now.generation, now.arm_count) == ("scheduled", 1, 2)
    assert now.message_id == "msg_2"
    assert world.messages.pending["msg_2"].not_before == SECOND - 1
    assert world.publisher.submissions == []
    assert world.clock.slept_until == []


@pytest.mark.parametrize(("ahead", "status"), [(3.0, "dispatched"), (3.000001, "early")])
def test_the_longest_wait_is_the_lead_and_two_seconds(world: World, ahead: float, status: str):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=ahead))
    assert world.dispatch(post, message_id=post.message_id).status == status


def test_each_arming_has_a_deduplication_of_its_own(world: World):
    post = world.scheduled()
    world.clock.set(EARLY)
    world.dispatch(post, message_id=post.message_id)
    counts = [(alarm.generation, alarm.arm_count) for alarm in world.messages.published]
    assert counts == [(1, 1), (1, 2)]


def test_a_duplicate_of_an_early_delivery_does_not_breed(world: World):
    post = world.scheduled()
    world.clock.set(EARLY)
    world.dispatch(post, message_id="msg_1")
    for _ in range(3):
        assert world.dispatch(post, message_id="msg_1") == Dispatched("early", "armed_already")
    assert len(world.messages.published) == 2
    assert world.read(post).message_id == "msg_2"


def test_an_early_delivery_of_a_post_whose_id_was_never_stored_is_armed_again(world: World):
    world.messages.losing_answers = "unreachable"
    post = world.scheduled()
    assert not post.armed
    world.messages.losing_answers = None
    world.clock.set(EARLY)
    assert world.dispatch(post, message_id="msg_1") == Dispatched("early", "armed_again")
    assert world.read(post).message_id == "msg_2"


def test_an_early_delivery_that_cannot_be_armed_again_leaves_an_unarmed_row_for_the_sweep(world: World):
    post = world.scheduled()
    world.clock.set(EARLY)
    world.messages.refusing = "unreachable"
    assert world.dispatch(post, message_id=post.message_id).status == "early"
    now = world.read(post)
    assert (now.status, now.message_id, now.next_attempt_at) == ("scheduled", None, IN_TEN_MINUTES)


@pytest.mark.parametrize("moved", [{"generation": 2}, {"arm_count": 2}], ids=["another intent", "another arming"])
def test_an_early_delivery_does_not_touch_a_post_that_moved_meanwhile(world: World, moved: dict[str, int]):
    post = world.scheduled()
    world.clock.set(EARLY)
    world.at_next_transaction(lambda: world.overwrite(post, message_id="msg_of_another", **moved))
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "changed")
    assert world.read(post).message_id == "msg_of_another"
    assert len(world.messages.published) == 1


@pytest.mark.parametrize("milliseconds", [0, 1, 400, 999])
def test_with_the_waiting_room_full_the_alarm_is_set_for_a_whole_second_not_before_the_instant(
    world: World, milliseconds: int
):
    instant = IN_TEN_MINUTES + timedelta(milliseconds=milliseconds)
    post = world.scheduled(instant)
    world.with_deps(waiting=full())
    world.clock.set(instant - timedelta(seconds=1))
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    alarm = world.messages.pending["msg_2"]
    assert alarm.not_before == SECOND + (1 if milliseconds else 0)
    assert world.clock.slept_until == []
    assert world.publisher.submissions == []


def test_a_duplicate_that_finds_no_room_leaves_the_pending_message_alone(world: World):
    post = world.scheduled()
    world.with_deps(waiting=full())
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    assert world.dispatch(post, message_id="msg_of_another") == Dispatched("early", "armed_already")
    assert world.read(post).message_id == post.message_id


def test_no_waiting_room_at_all_is_a_full_one(world: World):
    post = world.scheduled()
    world.with_deps(waiting=None)
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    assert world.dispatch(post, message_id=post.message_id).status == "early"


def test_a_post_that_is_due_needs_no_place_in_the_waiting_room(world: World):
    post = world.due()
    world.with_deps(waiting=full())
    assert world.dispatch(post) == Dispatched("dispatched")


def test_those_who_wait_leave_their_place_even_when_the_wait_breaks(world: World):
    room = threading.BoundedSemaphore(1)
    world.with_deps(waiting=room)
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))

    def broken() -> None:
        raise InterruptedError("told to break")

    world.clock.during_sleep = broken
    with pytest.raises(InterruptedError):
        world.dispatch(post)
    world.clock.during_sleep = None
    assert world.dispatch(post) == Dispatched("dispatched")
    assert room.acquire(blocking=False)


def full() -> threading.BoundedSemaphore:
    room = threading.BoundedSemaphore(1)
    room.acquire()
    return room
