"""The loop of `flask sweep --every`: a fixed interval, one run at a time, and awake for due posts in poll mode."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.sweep.loop import run_every
from app.sweep.sweep import poll
from tests.support.fakes import START
from tests.support.world import World


class LoopHarness:
    """A stop event and a monotonic clock for the loop. Time passes only in waits and runs."""

    def __init__(self, world: World, rounds: int) -> None:
        self.world, self.rounds = world, rounds
        self.runs: list[float] = []
        self.work: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        return 1000.0 + (self.world.clock.now() - START).total_seconds()

    def is_set(self) -> bool:
        return len(self.runs) >= self.rounds

    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds=seconds)

    def run(self) -> None:
        self.runs.append(round(self.monotonic() - 1000.0, 6))
        self.work()


@pytest.fixture
def harness(world: World) -> LoopHarness:
    return LoopHarness(world, rounds=4)


def run_loop(harness: LoopHarness, every: float) -> list[float]:
    run_every(harness.world.deps, every, harness, harness.run, harness.monotonic)  # type: ignore[arg-type]
    return harness.runs


def test_interval_does_not_drift_when_runs_take_time(world: World, harness: LoopHarness):
    harness.work = lambda: world.clock.advance(seconds=7.5)
    assert run_loop(harness, 60.0) == [0.0, 60.0, 120.0, 180.0]


def test_run_longer_than_the_interval_skips_starts_instead_of_piling_up(world: World, harness: LoopHarness):
    harness.work = lambda: world.clock.advance(seconds=61)
    assert run_loop(harness, 60.0) == [0.0, 120.0, 240.0, 360.0]


def test_poll_mode_wakes_for_a_due_post_and_keeps_its_interval(world: World, harness: LoopHarness):
    world.with_deps(messages=None)
    post = world.scheduled(START + timedelta(seconds=72.25))
    harness.work = lambda: poll(world.deps)
    assert run_loop(harness, 60.0) == [0.0, 60.0, 72.25, 120.0]
    assert world.attempts(post)[0].lateness_ms == 0.0


def test_loop_with_message_service_does_not_wake_for_a_due_post(world: World, harness: LoopHarness):
    world.scheduled(START + timedelta(seconds=72.25))
    assert run_loop(harness, 60.0) == [0.0, 60.0, 120.0, 180.0]


def test_interval_is_kept_while_the_database_is_down(world: World, harness: LoopHarness):
    world.with_deps(messages=None)
    world.fail_transactions(100)
    assert run_loop(harness, 60.0) == [0.0, 60.0, 120.0, 180.0]


def test_poll_jitter_shifts_the_interval_of_each_installation(world: World, harness: LoopHarness):
    world.with_deps(messages=None, random=lambda: 0.25)
    world.set(poll_jitter_seconds=20.0)
    assert run_loop(harness, 60.0) == [5.0, 65.0, 125.0, 185.0]


class SuspendedHarness(LoopHarness):
    """A machine that is suspended at the third wait: the wall clock goes on, the monotonic clock stands still."""

    suspended = timedelta(0)
    waits = 0

    def monotonic(self) -> float:
        return super().monotonic() - self.suspended.total_seconds()

    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        self.waits += 1
        if self.waits == 3:
            self.suspended = timedelta(hours=1)
            self.world.clock.advance(hours=1)


@pytest.mark.parametrize("poll_mode", [False, True])
def test_suspended_machine_sweeps_at_once_when_it_wakes(world: World, poll_mode: bool):
    if poll_mode:
        world.with_deps(messages=None)
    harness = SuspendedHarness(world, rounds=3)
    woken: list[timedelta] = []
    harness.work = lambda: woken.append(world.clock.now() - START)
    run_loop(harness, 300.0)
    assert woken[1] <= timedelta(hours=1, seconds=3)
    assert harness.runs[2] == 300.0  # the interval goes on


def test_clock_set_back_delays_no_run(world: World, harness: LoopHarness):
    began = harness.monotonic()
    waited = 0.0

    class SetBack(LoopHarness):
        def monotonic(self) -> float:
            return began + waited

        def wait(self, seconds: float) -> None:
            nonlocal waited
            waited += seconds
            world.clock.set(START - timedelta(hours=1))

    loop = SetBack(world, rounds=3)
    assert run_loop(loop, 60.0) == [0.0, 60.0, 120.0]


def test_loop_waits_in_slices_of_a_second(world: World, harness: LoopHarness):
    longest: list[float] = []
    plain = harness.wait

    def wait(seconds: float) -> None:
        longest.append(seconds)
        plain(seconds)

    harness.wait = wait  # type: ignore[method-assign]
    run_loop(harness, 60.0)
    assert max(longest) <= 1.0
