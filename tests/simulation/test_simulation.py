"""The rules hold in 60 fixed and some random seeds, and the checker finds broken rules."""

import re
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.breaks import BREAKS
from tests.simulation.endpoints import OF_ADMINS, OF_OWNERS
from tests.simulation.faults import EVENT_KINDS, GATE_KINDS
from tests.simulation.scenario import Focus
from tests.simulation.seed_run import SeedRunner
from tests.simulation.timeline import timeline

#: The app's beliefs about n8n and the platforms. The world must not share them.
TABLES = re.compile(
    r"^from app\.domain\S*( import)?.*\b(outcomes|reports|resend|platforms|explanations)\b", re.MULTILINE
)
#: The planted bugs patch these tables. The stage is for tests of the gate's parts alone, outside every world.
PATCHES = ("planted.py", "stage.py")
KNOWN = range(60)
PART = 30
FRESH = 10

MAX_SEEDS = 300  # each break is caught within these seeds, most within fifty


GATED_SEEDS = 40
LISTENED_SEEDS = 60  # at most. The first dozen meet all
#: Deaths of a gate: before and within the claim, after its commit, around the send and the settle, before the answer.
STEPS = {
    "gate_claim: begin",
    "gate_claim: holds",
    "gate_claim: committed",
    "gate_send: n8n.send",
    "gate_send: calls",
    "gate_send: waits",
    "gate_send: n8n",
    "gate_settle: begin",
    "gate_settle: committed",
    "gate_reply: qstash.call",
}


@pytest.fixture(scope="module")
def runner() -> Iterator[SeedRunner]:
    runner = SeedRunner()
    yield runner
    runner.close()


def assert_rules_hold(runner: SeedRunner, seed: int) -> None:
    outcome, _ = runner.run(seed)
    if outcome.violations:
        _, world = runner.run(seed, recording=True)
        broken = "\n".join(f"{violation.rule}: {violation.text}" for violation in outcome.violations)
        events = "\n".join(timeline(world))
        pytest.fail(f"{events}\n{broken}\nAgain: make simulate SEED={seed}", pytrace=False)


@pytest.mark.parametrize("start", KNOWN[::PART])
def test_rules_hold_in_fixed_seeds(runner: SeedRunner, start: int):
    for seed in range(start, start + PART):
        assert_rules_hold(runner, seed)


def test_rules_hold_in_random_seeds(runner: SeedRunner):
    for _ in range(FRESH):
        assert_rules_hold(runner, secrets.randbelow(2**32))


@pytest.mark.parametrize(
    "focus", [Focus(gated=False), Focus(gated=True), Focus(events=True)], ids=["one by one", "gates", "webhooks"]
)
def test_equal_seeds_give_equal_timelines(runner: SeedRunner, focus: Focus):
    first, second = (list(timeline(runner.run(7, recording=True, focus=focus)[1])) for _ in range(2))
    assert first == second
    assert len(first) > 50


def test_fixed_seeds_meet_groups_held_claims_and_deaths_at_every_step_of_the_gate(runner: SeedRunner):
    sizes: Counter[int] = Counter()
    deaths: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for seed in range(GATED_SEEDS):
        outcome, _ = runner.run(seed, focus=Focus((*GATE_KINDS, "clock_ahead"), gated=True))
        sizes, deaths, faults = sizes + outcome.groups, deaths + outcome.deaths, faults + outcome.faults
    assert sum(count for size, count in sizes.items() if size > 1) > 25
    assert min(faults[kind] for kind in GATE_KINDS) > 0
    assert deaths.keys() >= STEPS


def test_fixed_seeds_meet_every_fault_and_every_type_of_event_at_webhook_endpoints(runner: SeedRunner):
    events: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for seed in range(LISTENED_SEEDS):
        outcome, _ = runner.run(seed, focus=Focus((*EVENT_KINDS, "account_revoked"), events=True))
        assert outcome.violations == []
        events, faults = events + outcome.events, faults + outcome.faults
        if {*OF_OWNERS, OF_ADMINS} <= events.keys() and faults.keys() >= EVENT_KINDS.keys():
            return
    pytest.fail(f"only {sorted(events)} and {sorted(faults)} within {LISTENED_SEEDS} seeds")


def test_world_and_judge_import_none_of_the_apps_outcome_tables():
    for path in Path(__file__).parent.rglob("*.py"):
        if path.name not in PATCHES and not path.name.startswith("test_gate_"):
            assert not TABLES.search(path.read_text()), path


@pytest.mark.parametrize("name", BREAKS)
def test_each_break_is_caught_by_its_rule(runner: SeedRunner, name: str):
    broken = BREAKS[name]
    with broken.context():
        for seed in range(broken.first_seed, broken.first_seed + MAX_SEEDS):
            outcome, _ = runner.run(seed, focus=broken.focus)
            if any(violation.rule == broken.caught_by for violation in outcome.violations):
                return
    pytest.fail(f"{name} was not caught within {MAX_SEEDS} seeds")
