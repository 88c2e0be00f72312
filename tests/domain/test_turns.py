"""Turns at the interpreter: bounded, shared by owner, and never held by a thread that waits."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from app.domain.turns import Bound, NoTurn, Turns, change_to, holding, leave, paused, rest
from tests.support.threads import wait_until

TIMEOUT_SECONDS = 30.0


@contextmanager
def in_thread(work: Callable[[], Any]) -> Iterator[threading.Thread]:
    """Run `work` in a thread, and join it at the end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield thread
    thread.join(TIMEOUT_SECONDS)
    assert not thread.is_alive()


def _waits(turns: Turns, count: int) -> bool:
    return turns.waiting == count


def refused(turns: Turns, owner: str) -> bool:
    """Return True if this owner gets no turn now."""
    try:
        turns.take(owner, 0.0)
    except NoTurn:
        return True
    turns.release(owner)
    return False


def test_turns_are_bounded_in_all_and_for_one_owner():
    turns = Turns(3, 2)
    turns.take("mallory")
    turns.take("mallory")
    assert refused(turns, "mallory")
    assert not refused(turns, "ann")
    turns.take("ann")
    assert refused(turns, "bob")
    turns.release("mallory")
    assert not refused(turns, "mallory")
    assert turns.taken == 2


def test_released_turn_goes_to_each_waiting_owner_before_a_second_one_of_the_first():
    turns, order = Turns(1, 1), list[str]()
    turns.take("busy")

    def work(owner: str) -> None:
        turns.take(owner)
        order.append(owner)
        turns.release(owner)

    threads = []
    for number, owner in enumerate(["mallory", "mallory", "mallory", "ann", "bob"], 1):
        threads.append(threading.Thread(target=work, args=(owner,), daemon=True))
        threads[-1].start()
        wait_until(partial(_waits, turns, number))
    turns.release("busy")
    for thread in threads:
        thread.join(TIMEOUT_SECONDS)
    assert order == ["mallory", "ann", "bob", "mallory", "mallory"]
    assert (turns.taken, turns.waiting) == (0, 0)


def test_owner_at_its_bound_does_not_keep_a_free_turn_from_the_next():
    turns = Turns(2, 1)
    turns.take("mallory")
    with in_thread(lambda: turns.take("mallory")):
        wait_until(lambda: turns.waiting == 1)
        assert not refused(turns, "ann")
        turns.release("mallory")
    assert turns.taken == 1


def test_narrow_turns_are_taken_one_at_a_time_until_they_widen():
    narrow = [True]
    turns = Turns(3, 3, lambda: bool(narrow))
    assert not refused(turns, "ann")
    turns.take("ann")
    assert refused(turns, "bob")
    with in_thread(lambda: turns.take("bob")):
        wait_until(lambda: turns.waiting >= 1)
        narrow.clear()
        assert not refused(turns, "carol")  # and its look at the turns gives one to the waiting thread
    assert turns.taken == 2


def test_narrow_turns_can_be_one_of_each_owner():
    turns = Turns(3, 3, lambda: True, narrow=(2, 1))
    turns.take("ann")
    assert refused(turns, "ann")
    turns.take("bob")
    assert refused(turns, "carol")


def test_turns_that_become_narrow_stay_with_those_who_have_them():
    narrow = list[bool]()
    turns = Turns(3, 3, lambda: bool(narrow))
    turns.take("ann")
    turns.take("bob")
    narrow.append(True)
    turns.release("ann")
    assert refused(turns, "carol")
    turns.release("bob")
    assert not refused(turns, "carol")


def test_thread_that_gave_up_gets_no_turn():
    turns = Turns(1, 1)
    turns.take("ann")
    assert refused(turns, "bob")
    turns.release("ann")
    assert turns.taken == 0
    assert not refused(turns, "carol")


def test_turn_is_free_while_its_thread_pauses_and_taken_again_after_it():
    turns = Turns(1, 1)
    with holding(turns, "ann"):
        with paused():
            assert turns.taken == 0
            with paused():  # inside a pause, another one does nothing
                assert turns.taken == 0
            assert turns.taken == 0
        assert turns.taken == 1
    assert turns.taken == 0


def test_pause_ends_when_another_gives_its_turn_back():
    turns, ended = Turns(1, 1), threading.Event()

    def work() -> None:
        with holding(turns, "ann"):
            with paused():
                turns.take("bob")
            ended.set()

    with in_thread(work):
        wait_until(lambda: turns.waiting == 1)
        assert not ended.is_set()
        turns.release("bob")
    assert ended.is_set()


@pytest.mark.parametrize("give_back", [leave, rest])
def test_thread_without_a_turn_works_on_and_gives_none_back_twice(give_back: Callable[[], None]):
    turns = Turns(1, 1)
    with holding(turns, "ann"):
        give_back()
        assert turns.taken == 0
        with paused():
            pass
        assert turns.taken == 0
    assert turns.taken == 0
    give_back()
    with paused():
        assert turns.taken == 0


def test_change_takes_all_bounds_and_gives_them_back_together():
    first, heavy, turns = Turns(1, 1), Turns(1, 1), Turns(2, 2)
    with holding(first, ""):
        change_to([heavy, turns], "ann", 1.0)
        assert (first.taken, heavy.taken, turns.taken) == (0, 1, 1)
        with paused():
            assert (heavy.taken, turns.taken) == (0, 0)
        assert (heavy.taken, turns.taken) == (1, 1)
    assert (heavy.taken, turns.taken) == (0, 0)


def test_change_after_a_rest_takes_a_turn_and_after_leaving_takes_none():
    first, turns = Turns(1, 1), Turns(1, 1)
    with holding(first, ""):
        rest()
        change_to([turns], "ann", 1.0)
        assert turns.taken == 1
        leave()
        change_to([turns], "ann", 1.0)
        assert turns.taken == 0
    change_to([turns], "ann", 1.0)  # a thread without a request, such as the sweep's
    assert turns.taken == 0


def test_change_without_a_turn_in_time_keeps_none():
    first, heavy, turns = Turns(1, 1), Turns(1, 1), Turns(1, 1)
    turns.take("bob")
    bounds: list[Bound] = [heavy, turns]
    with holding(first, ""), pytest.raises(NoTurn):
        change_to(bounds, "ann", 0.0)
    assert (first.taken, heavy.taken, turns.taken) == (0, 0, 1)


def test_turn_ends_with_an_error():
    turns = Turns(1, 1)
    with pytest.raises(KeyError), holding(turns, "ann"):
        raise KeyError
    assert turns.taken == 0
