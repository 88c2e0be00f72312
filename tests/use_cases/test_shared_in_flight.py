"""Several processes share the bound of posts in flight through one row of the database."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.delivery.gate.gate import Gate
from app.domain.alerts import OVERLOADED_LASTS
from app.domain.delivery import Dispatched
from app.domain.in_flight import InFlight
from app.domain.shares import LASTS
from app.domain.window import FLOOR, START
from app.operations.status import scheduler_status
from app.store.operations import alerts, in_flight
from app.sweep.sweep import sweep
from tests.support.databases import record_statements
from tests.support.gate_deliveries import posts_due_together, results
from tests.support.sharing_process import Process
from tests.support.world import IN_TEN_MINUTES, World

ACCEPTED = Dispatched("dispatched")


def held(world: World) -> int:
    with world.db.transaction() as tx:
        return sum(holder.held for holder in in_flight.lock(tx).live(world.clock.now()).values())


def test_fixed_bound_is_closed_until_the_first_share_and_a_learned_one_has_its_floor(world: World):
    assert Process(world, 8).limit == 0
    assert Process(world).limit == FLOOR


def test_lone_process_gets_the_whole_bound(world: World):
    one = Process(world, 8)
    assert one.renew()
    assert (one.limit, held(world)) == (8, 8)


def test_share_of_a_second_process_waits_for_what_the_first_gives_back(world: World):
    one, two = Process(world, 8), Process(world, 8)
    one.renew()
    assert one.enter() == 8
    assert (two.renew(), two.limit) == (False, 0)
    one.renew()
    assert (one.limit, held(world)) == (4, 8)  # all its sends are in flight still
    assert (two.renew(), two.limit) == (False, 0)
    one.leave(6)
    one.renew()
    assert (two.renew(), two.limit, one.limit) == (True, 4, 4)
    assert (one.enter(), two.enter()) == (2, 4)


@pytest.mark.parametrize("bound", [1, 2, 5, 8])
def test_processes_never_have_more_in_flight_than_the_fixed_bound(world: World, bound: int):
    processes = [Process(world, bound, wanted=number * 3) for number in range(1, 5)]
    number, sent = dict.fromkeys(range(4), 0), dict.fromkeys(range(4), 0)
    for turn in range(240):
        which = turn * 7 % 4
        processes[which].renew()
        world.clock.advance(seconds=0.25)
        for each, process in enumerate(processes):
            entered = process.enter()
            number[each] += entered
            sent[each] += entered
            assert sum(number.values()) <= bound
            left = (number[each] + turn % 2) // 2
            process.leave(left)
            number[each] -= left
    assert min(sent.values()) > 0  # no process was left out


def test_share_of_a_dead_process_ends(world: World):
    one, two = Process(world, 8), Process(world, 8)
    one.renew()
    two.renew()
    world.clock.advance(seconds=LASTS.total_seconds())
    assert one.limit == 0  # it may have been frozen
    assert (two.renew(), two.limit) == (True, 8)


def test_idle_process_gives_its_share_back(world: World):
    one, two = Process(world, 8), Process(world, 8)
    one.renew()
    one.wanted = 0
    one.sharing.rest_if_idle(one.deps)
    assert (one.limit, held(world), one.bound.wanted.is_set()) == (0, 0, False)
    assert (two.renew(), two.limit) == (True, 8)


def test_process_with_a_send_in_flight_does_not_rest(world: World):
    one = Process(world, 8)
    one.renew()
    one.enter()
    one.wanted = 0
    one.sharing.rest_if_idle(one.deps)
    assert held(world) == 8


def test_new_process_begins_with_the_learned_window_of_all(world: World):
    one, two = Process(world), Process(world)
    one.renew()
    one.bound.window.size = 10.0
    one.renew()
    two.renew()
    assert (two.bound.window.size, one.limit, two.limit) == (10.0, 10, 5)


def test_one_overload_seen_by_two_processes_halves_the_window_once(world: World):
    one, two = Process(world), Process(world)
    for process in (one, two):
        process.renew()
    for process in (one, two):
        process.bound.window.overloaded(world.clock.now(), world.clock.now())
    for process in (one, two, one):
        process.renew()
    assert (one.bound.window.size, two.bound.window.size) == (START / 2, START / 2)


def test_absent_database_leaves_a_share_until_its_end_and_then_one_at_a_time(world: World):
    one = Process(world, 8)
    one.renew()
    world.fail_transactions(2)
    assert (one.renew(), one.limit) == (False, 8)
    world.clock.advance(seconds=LASTS.total_seconds())
    assert (one.renew(), one.limit) == (False, 1)
    assert (one.renew(), one.limit) == (True, 8)


def test_gate_with_a_shared_bound_sends_all_with_no_statement_per_send(world: World):
    gate = Gate()
    bound = world.with_deps(gate=gate, in_flight=InFlight(4, shared=True)).in_flight
    posts = posts_due_together(world, 12)
    world.clock.set(IN_TEN_MINUTES)
    with record_statements(world.db.engine, "in_flight") as seen, ThreadPoolExecutor(12) as pool:
        assert results([pool.submit(world.dispatch, post) for post in posts]) == [ACCEPTED] * 12
    assert len(world.publisher.submissions) == 12
    assert len(seen) <= 6, seen  # of the sharing thread alone
    assert len(bound) == 0


def overloaded(world: World, seconds: float) -> Process:
    """Return a process whose deliveries have waited for room so long."""
    one = Process(world, 8)
    one.bound.note_shortage(True, world.clock.now())
    world.clock.advance(seconds=seconds)
    one.bound.note_shortage(True, world.clock.now())
    return one


def shown(world: World) -> list[dict[str, Any]]:
    return [alert for alert in scheduler_status(world.deps)["alerts"] if alert["kind"] == "n8n_overloaded"]


@pytest.mark.parametrize(("seconds", "raised"), [(1.0, 0), (1.1, 1)])
def test_deliveries_that_wait_for_room_longer_than_a_second_raise_an_alert(world: World, seconds: float, raised: int):
    one = overloaded(world, seconds)
    one.sharing.look_for_overload(one.deps)
    assert len(shown(world)) == raised


def test_alert_names_the_rate_of_n8n_and_what_to_do(world: World):
    for _ in range(3):
        world.published()
    world.in_flight()
    one = overloaded(world, 2)
    one.sharing.look_for_overload(one.deps)
    [alert] = shown(world)
    assert alert["subject"] == "n8n"
    assert "accepts 0.4 and reports 0.3 posts a second" in alert["detail"]
    assert "Give n8n more workers" in alert["detail"]


def test_alert_is_renewed_while_it_lasts_and_cleared_after_it(world: World):
    one = overloaded(world, 2)
    for _ in range(3):
        one.sharing.look_for_overload(one.deps)
        world.clock.advance(seconds=5)
    assert [alert["count"] for alert in shown(world)] == [3]
    one.bound.note_shortage(False, world.clock.now())
    one.sharing.look_for_overload(one.deps)
    assert shown(world) == []


def test_alert_of_a_dead_process_ends_by_itself(world: World):
    one = overloaded(world, 2)
    one.sharing.look_for_overload(one.deps)
    world.clock.advance(seconds=OVERLOADED_LASTS.total_seconds())
    assert len(shown(world)) == 1
    world.clock.advance(seconds=1)
    assert shown(world) == []
    sweep(world.deps)
    with world.db.reading() as connection:
        assert [alert.kind for alert in alerts.current(connection)] == []


def test_status_shows_the_sends_in_flight_of_all_processes(world: World):
    one, two = Process(world, 8), Process(world, 8)
    one.renew()
    one.enter()
    one.renew()
    one.leave(5)
    for process in (one, two, one, two):
        process.renew()
    assert two.enter() == 4
    two.renew()
    world.with_deps(in_flight=InFlight(8))
    state = scheduler_status(world.deps)["n8n"]
    assert (state["inFlight"], state["maxInFlight"]) == (3 + 4, 8)
