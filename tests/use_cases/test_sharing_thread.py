"""The sharing thread: when it renews, rests and pauses, what it writes, and what it keeps without a database."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from app.delivery.gate import sharing
from app.delivery.gate.sharing import RENEWED_SECONDS, SHORT_SECONDS
from app.domain.errors import Unavailable
from app.domain.shares import LASTS, Holder, possible_part
from app.domain.window import FLOOR, START
from app.store.operations import alerts, in_flight
from tests.support.sharing_process import Process
from tests.support.world import World


def rows(world: World, index: int = 0) -> in_flight.Shares:
    with world.db.transaction() as tx:
        return in_flight.lock(tx, index)


def holder(world: World, index: int = 0) -> Holder:
    [only] = rows(world, index).holders.values()
    return only


@pytest.fixture
def slept() -> Iterator[list[float]]:
    """Let the thread's pauses pass at once, and note them."""
    seconds: list[float] = []
    with mock.patch(f"{sharing.__name__}.time.sleep", seconds.append):
        yield seconds


def test_thread_renews_notices_and_pauses_for_a_second(world: World, slept: list[float]):
    one = Process(world, 8)
    one.bound.wanted.set()
    one.sharing.share_next(one.deps)
    assert (one.limit, one.noticed, slept) == (8, 1, [RENEWED_SECONDS])


def test_thread_pauses_shortly_while_others_hold_a_part_of_its_share(world: World, slept: list[float]):
    one, two = Process(world, 8), Process(world, 8)
    one.renew()
    two.bound.wanted.set()
    two.sharing.share_next(two.deps)
    assert (two.limit, slept) == (0, [SHORT_SECONDS])
    assert SHORT_SECONDS < RENEWED_SECONDS


def test_thread_looks_for_an_overload_after_each_renewal(world: World, slept: list[float]):
    one = Process(world, 8)
    one.bound.wanted.set()
    with mock.patch.object(one.sharing, "look_for_overload") as look:
        one.sharing.share_next(one.deps)
    assert look.call_args_list == [mock.call(one.deps)]


def test_delivery_that_comes_while_the_thread_goes_to_rest_keeps_it_awake(world: World, slept: list[float]):
    one = Process(world, 8)
    one.renew()
    with mock.patch.object(one.sharing, "_count", side_effect=[0, 5]):
        one.sharing.rest_if_idle(one.deps)
        assert one.bound.wanted.is_set()
        assert holder(world).held == 8  # not given back


def test_row_tells_what_a_process_wants_holds_and_has_in_flight(world: World):
    one = Process(world, 8, wanted=100)
    assert one.enter() == 0
    one.renew()
    assert one.enter() == 8
    one.renew()
    until = world.clock.now() + LASTS
    assert holder(world) == Holder(108, 8, 8, until)


def test_send_that_ends_during_the_renewal_is_no_longer_counted(world: World):
    one = Process(world, 8)
    one.renew()
    one.enter()

    def part_after_three_ends(*arguments: Any) -> int:
        one.leave(3)
        return possible_part(*arguments)

    with mock.patch(f"{sharing.__name__}.possible_part", part_after_three_ends):
        one.renew()
    assert (holder(world).held, holder(world).in_flight) == (8, 5)


def fail_to_write(process: Process) -> None:
    with mock.patch.object(in_flight, "write", side_effect=Unavailable()):
        assert not process.renew()


def test_share_that_could_not_be_written_ends_when_the_former_one_does(world: World):
    """Other processes may take its place from then on."""
    one = Process(world, 8)
    one.renew()
    former = one.bound.share
    world.clock.advance(seconds=3)
    fail_to_write(one)
    assert one.bound.share == former


def test_smaller_share_that_could_not_be_written_counts_at_once_and_ends_with_the_former(world: World):
    one, two = Process(world, 8), Process(world, 8)
    one.renew()
    assert one.bound.share is not None
    former = one.bound.share
    two.renew()
    world.clock.advance(seconds=3)
    fail_to_write(one)
    assert one.bound.share == replace(former, held=4)
    world.clock.advance(seconds=LASTS.total_seconds() - 3)
    assert (one.limit, two.renew(), two.limit) == (0, True, 8)


def test_larger_share_counts_once_it_is_written(world: World):
    one, two = Process(world, 8), Process(world, 8)
    for process in (one, two, one, two):
        process.renew()
    assert (one.limit, two.limit) == (4, 4)
    two.wanted = 0
    two.sharing.rest_if_idle(two.deps)
    fail_to_write(one)
    assert one.limit == 4
    assert (one.renew(), one.limit) == (True, 8)


def test_smaller_learned_window_that_could_not_be_written_counts_at_once(world: World):
    one = Process(world)
    one.renew()
    one.bound.window.size = START / 2
    fail_to_write(one)
    assert one.limit == START // 2


def test_learned_window_without_a_database_lets_one_at_a_time_go(world: World):
    one = Process(world)
    fail_to_write(one)
    assert one.limit == 1
    assert one.renew()
    assert one.limit == START


def test_second_publishers_row_is_its_own(world: World):
    first, second = Process(world), Process(world, index=1)
    first.renew()
    second.renew()
    assert (len(rows(world).holders), len(rows(world, 1).holders)) == (1, 1)
    second.bound.window.size = 9.0
    second.wanted = 0
    second.sharing.rest_if_idle(second.deps)
    assert rows(world, 1) == in_flight.Shares(9.0, {})
    assert (len(rows(world).holders), rows(world).size) == (1, float(START))


def test_resting_process_leaves_what_it_has_learned(world: World):
    one, two = Process(world), Process(world)
    one.renew()
    two.renew()
    two.bound.window.size += 4
    two.renew()
    one.wanted = 0
    one.sharing.rest_if_idle(one.deps)
    assert rows(world).size == START + 4
    assert len(rows(world).holders) == 1
    assert one.limit == FLOOR


def test_overload_that_comes_again_is_told_again(world: World):
    one = Process(world, 8)

    def alerts_after(is_short: bool) -> list[str]:
        one.bound.note_shortage(is_short, world.clock.now())
        world.clock.advance(seconds=2)
        one.sharing.look_for_overload(one.deps)
        with world.db.reading() as connection:
            return [alert.kind for alert in alerts.current(connection)]

    assert [alerts_after(short) for short in (True, False, True, False)] == [
        ["n8n_overloaded"],
        [],
        ["n8n_overloaded"],
        [],
    ]
