"""The promises hold in three hundred known stories and in some that nobody has seen yet; and the checker can fail."""

import secrets
from collections.abc import Iterator

import pytest

from tests.simulation.breaks import BREAKS
from tests.simulation.seed_run import Stage
from tests.simulation.timeline import timeline

KNOWN = range(300)
PART = 50
FRESH = 50

LOOKED_AT = 300  # seeds within which each rule left out is caught; most are within fifty


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def hold(stage: Stage, seed: int) -> None:
    outcome, _ = stage.play(seed)
    if outcome.violations:
        _, world = stage.play(seed, telling=True)
        broken = "\n".join(f"{violation.rule}: {violation.text}" for violation in outcome.violations)
        story = "\n".join(timeline(world))
        pytest.fail(f"{story}\n{broken}\nAgain: make simulate SEED={seed}", pytrace=False)


@pytest.mark.parametrize("start", KNOWN[::PART])
def test_the_promises_hold_in_known_stories(stage: Stage, start: int):
    for seed in range(start, start + PART):
        hold(stage, seed)


def test_the_promises_hold_in_stories_that_nobody_has_seen_yet(stage: Stage):
    for _ in range(FRESH):
        hold(stage, secrets.randbelow(2**32))


def test_a_seed_is_one_story(stage: Stage):
    first, second = (list(timeline(stage.play(7, telling=True)[1])) for _ in range(2))
    assert first == second
    assert len(first) > 50


@pytest.mark.parametrize("name", BREAKS)
def test_a_rule_left_out_is_caught(stage: Stage, name: str):
    broken = BREAKS[name]
    with broken.made():
        for seed in range(LOOKED_AT):
            outcome, _ = stage.play(seed, also=broken.also)
            if any(violation.rule == broken.caught_by for violation in outcome.violations):
                return
    pytest.fail(f"{name} was not caught within {LOOKED_AT} seeds")
