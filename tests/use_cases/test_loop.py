"""The beat of `flask sweep --every`: steady, never two runs at once, and awake for what is due before it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.sweep.loop import keep_beat
from app.sweep.sweep import poll
from tests.support.fakes import START
from tests.support.world import World


class Stage:
    """`threading.Event` and `time.monotonic` of a world whose time passes only as somebody waits or works."""

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
def stage(world: World) -> Stage:
    return Stage(world, rounds=4)


def keep(stage: Stage, every: float) -> list[float]:
    keep_beat(stage.world.deps, every, stage, stage.run, stage.monotonic)  # type: ignore[arg-type]
    return stage.runs


def test_the_beat_does_not_drift_however_long_a_run_takes(world: World, stage: Stage):
    stage.work = lambda: world.clock.advance(seconds=7.5)
    assert keep(stage, 60.0) == [0.0, 60.0, 120.0, 180.0]


def test_a_run_that_outlasts_its_beat_skips_beats_instead_of_piling_up(world: World, stage: Stage):
    stage.work = lambda: world.clock.advance(seconds=61)
    assert keep(stage, 60.0) == [0.0, 120.0, 240.0, 360.0]


def test_in_poll_mode_it_wakes_for_the_post_that_is_due_and_keeps_its_beat(world: World, stage: Stage):
    world.with_deps(messages=None)
    post = world.scheduled(START + timedelta(seconds=72.25))
    stage.work = lambda: poll(world.deps)
    assert keep(stage, 60.0) == [0.0, 60.0, 72.25, 120.0]
    assert world.attempts(post)[0].lateness_ms == 0.0


def test_with_a_message_service_nobody_has_to_wake_for_a_post(world: World, stage: Stage):
    world.scheduled(START + timedelta(seconds=72.25))
    assert keep(stage, 60.0) == [0.0, 60.0, 120.0, 180.0]


def test_while_the_database_is_away_the_beat_is_kept(world: World, stage: Stage):
    world.with_deps(messages=None)
    world.cut_database(100)
    assert keep(stage, 60.0) == [0.0, 60.0, 120.0, 180.0]


def test_of_many_installations_that_start_together_each_gets_a_beat_of_its_own(world: World, stage: Stage):
    world.with_deps(messages=None, random=lambda: 0.25)
    world.set(poll_jitter_seconds=20.0)
    assert keep(stage, 60.0) == [5.0, 65.0, 125.0, 185.0]
