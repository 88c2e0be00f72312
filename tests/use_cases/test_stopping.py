"""SIGTERM: waiting deliveries come back elsewhere, nearer and claimed ones are finished."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.adapters import termination
from app.adapters.termination import watch_termination
from app.delivery.gate.gate import Gate
from app.delivery.leases import end_lease_by_alarm
from app.domain.delivery import Dispatched, StopRequest
from app.domain.errors import Stopping
from app.domain.seats import Seats
from tests.support.gate_deliveries import sent_post_ids
from tests.support.threads import TIMEOUT_SECONDS, wait_until
from tests.support.world import IN_TEN_MINUTES, World


@pytest.fixture
def stop(world: World) -> StopRequest:
    request = StopRequest()
    world.with_deps(stop=request, gate=Gate(), seats=Seats(8))
    world.set(dispatch_lead_seconds=5.0)
    return request


def all_seats_are_free(world: World) -> bool:
    assert world.deps.seats is not None
    return world.deps.seats.free == 8


def test_waiting_deliveries_are_let_go_with_nothing_recorded(world: World, stop: StopRequest):
    posts = [world.scheduled() for _ in range(3)]
    before = world.all_post_rows()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=4))
    with ThreadPoolExecutor(3) as pool:
        coming = [pool.submit(world.dispatch, post) for post in posts]
        wait_until(lambda: len(world.deps.gate) == 3)  # type: ignore[arg-type]
        stop.requested = True
        for each in coming:
            with pytest.raises(Stopping):
                each.result(TIMEOUT_SECONDS)
    assert world.all_post_rows() == before
    assert all_seats_are_free(world)
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(posts[0]) == Dispatched("dispatched")  # due: this process still sends


def test_delivery_that_would_come_back_late_is_kept_and_sent(world: World, stop: StopRequest):
    near, far = world.scheduled(), world.scheduled(IN_TEN_MINUTES + timedelta(seconds=3))
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    with ThreadPoolExecutor(2) as pool:
        kept, gone = pool.submit(world.dispatch, near), pool.submit(world.dispatch, far)
        wait_until(lambda: len(world.deps.gate) == 2)  # type: ignore[arg-type]
        stop.requested = True
        with pytest.raises(Stopping):
            gone.result(TIMEOUT_SECONDS)
        assert not kept.done()
        world.clock.set(IN_TEN_MINUTES)
        assert kept.result(TIMEOUT_SECONDS) == Dispatched("dispatched")
    assert sent_post_ids(world) == [near.id]


def test_claimed_delivery_is_finished(world: World, stop: StopRequest):
    post = world.due()
    world.publisher.during_send = lambda _: setattr(stop, "requested", True)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.outcomes(post) == ["accepted"]


def test_delivery_that_comes_while_stopping_is_let_go(world: World, stop: StopRequest):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=4))
    stop.requested = True
    with pytest.raises(Stopping):
        world.dispatch(post)
    assert all_seats_are_free(world)


@pytest.mark.parametrize("setting", [{"account_spacing_seconds": 60.0}, {"account_daily_cap": 5}])
def test_paced_delivery_is_let_go_before_it_takes_a_turn(world: World, stop: StopRequest, setting: dict):
    world.set(**setting)
    post = world.scheduled()
    before = world.all_post_rows()
    world.clock.set(IN_TEN_MINUTES - timedelta(seconds=4))
    world.clock.during_sleep = lambda: setattr(stop, "requested", True)
    with pytest.raises(Stopping):
        world.dispatch(post)
    assert world.all_post_rows() == before
    assert all_seats_are_free(world)


def test_lease_alarm_that_waits_is_let_go(world: World, stop: StopRequest):
    post = world.in_flight()
    world.clock.advance(seconds=480 - 4)
    stop.requested = True
    with pytest.raises(Stopping):
        end_lease_by_alarm(world.deps, post.id, post.generation, 1)
    assert world.read(post).status == "publishing"


@pytest.fixture
def forwarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The signals as an earlier reader gets them: after the requests are set. The former handler and reader return."""
    monkeypatch.setattr(termination, "_watcher", termination._Watcher())
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    receiver.settimeout(TIMEOUT_SECONDS)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    reader = signal.set_wakeup_fd(sender.fileno())
    yield receiver
    for number, handler in handlers.items():
        signal.signal(number, handler)
    signal.set_wakeup_fd(reader)
    receiver.close()
    sender.close()


def test_sigterm_is_noted_whenever_the_server_installs_its_handler(forwarded: socket.socket):
    seen: list[str] = []
    signal.signal(signal.SIGTERM, lambda _number, _frame: seen.append("before"))
    request = watch_termination()
    signal.raise_signal(signal.SIGTERM)
    assert (forwarded.recv(64), request.requested, seen) == (bytes([signal.SIGTERM]), True, ["before"])
    signal.signal(signal.SIGTERM, lambda _number, _frame: seen.append("after"))
    second = watch_termination()
    assert not second.requested
    signal.raise_signal(signal.SIGTERM)
    assert (forwarded.recv(64), second.requested, seen) == (bytes([signal.SIGTERM]), True, ["before", "after"])


def test_other_signal_is_passed_on_and_sets_nothing(forwarded: socket.socket):
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)
    request = watch_termination()
    signal.raise_signal(signal.SIGHUP)
    assert (forwarded.recv(64), request.requested) == (bytes([signal.SIGHUP]), False)


@pytest.mark.usefixtures("forwarded")
@pytest.mark.parametrize("action", [signal.SIG_DFL, signal.SIG_IGN])
def test_watching_leaves_the_action_of_the_signal_alone(action: signal.Handlers):
    signal.signal(signal.SIGTERM, action)
    watch_termination()
    assert signal.getsignal(signal.SIGTERM) is action


def test_signal_of_a_forked_child_does_not_reach_the_parents_request(forwarded: socket.socket):
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    request = watch_termination()
    child = os.fork()
    if child == 0:
        signal.raise_signal(signal.SIGTERM)
        os._exit(0)
    os.waitpid(child, 0)
    signal.raise_signal(signal.SIGHUP)
    assert (forwarded.recv(64), request.requested) == (bytes([signal.SIGHUP]), False)  # the parent's signal alone


def test_app_made_outside_the_main_thread_watches_nothing(forwarded: socket.socket):
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(watch_termination).result(TIMEOUT_SECONDS)
    signal.raise_signal(signal.SIGTERM)
    assert (forwarded.recv(64), request.requested) == (bytes([signal.SIGTERM]), False)
