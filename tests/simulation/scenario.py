"""Draws a seed's scenario: settings, clock errors, number of authors and posts, and workflow."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.settings.values import Settings
from tests.simulation.kernel import SECOND
from tests.simulation.reports import FORMS
from tests.simulation.routes import SECRET

PLATFORMS = ("linkedin", "instagram", "facebook")
GATED = 0.25  # of the worlds
LISTENED = 0.2  # of the worlds
TWO_PUBLISHERS = 0.3  # of the worlds
SECOND_URL = "https://second.example/webhook/publish"
MAX_SKEW = 1 * SECOND  # µs each way, so two instances differ by two seconds at most


@dataclass(frozen=True, slots=True)
class Workflow:
    """The setup of n8n. An old workflow reports no attempt and publishes without a grant."""

    names_attempt: bool
    asks_first: bool
    reports_again: bool  # repeats a report that got no answer
    delay: float
    answers_at_end: bool  # of the execution, not at once
    careless: bool  # says that a lost publishing call is retryable
    forms: tuple[str, ...]  # of its reports of a failure


@dataclass(frozen=True, slots=True)
class Focus:
    """The worlds in which a planted bug shows. The default is every world.

    `faults` are enabled in every seed. `platform` is the only one. `workflow` replaces fields of the workflow's setup.
    `settings` replaces settings. `rule` judges alone, where another one would end the seed earlier. `gated`: each
    process has a gate, or none has. `events`: webhook endpoints listen, or none does. `pauses`: an operator pauses all
    sending, or none does. None leaves it to the seed.
    """

    faults: tuple[str, ...] = ()
    platform: str | None = None
    workflow: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    rule: str | None = None
    gated: bool | None = False
    events: bool | None = False
    pauses: bool | None = False


NO_GATES = Focus()
ANYWHERE = Focus(gated=None, events=None, pauses=None)


@dataclass(frozen=True, slots=True)
class GateSetup:
    """The gate of each process, and its world: some instances, many posts, and `rush_seconds` between full instants.

    `seats` may be fewer than the posts of an instant, and `owners` share them.
    """

    senders: int
    max_group: int
    instances: int
    posts: int
    lead: float
    rush_seconds: int
    repeats: bool  # of messages, so that a delivery has duplicates
    owners: int
    seats: int


@dataclass(frozen=True, slots=True)
class Scenario:
    settings: Settings
    workflow: Workflow
    skews: tuple[int, ...]
    users: int
    posts: int
    active_seconds: float
    max_waiting: int | None
    sweep_seconds: float
    platforms: tuple[str, ...]
    gate: GateSetup | None = None
    failing: int | None = None  # the place of the n8n that outages and restarts strike, None for all


def with_publishers(scenario: Scenario, seed: int) -> Scenario:
    """Draw whether posts are spread over two n8n. Its own random numbers leave the other worlds as they are."""
    rng = random.Random(f"publishers {seed}")
    if rng.random() >= TWO_PUBLISHERS:
        return scenario
    settings = replace(scenario.settings, n8n_webhook_url=f"{scenario.settings.n8n_webhook_url},{SECOND_URL}")
    return replace(scenario, settings=settings, failing=rng.choice((0, 1, None)))


def draw_gate(seed: int, focus: Focus) -> GateSetup | None:
    """Draw whether the processes have a gate, and which. Its own random numbers leave the other worlds as they are."""
    rng = random.Random(f"gate {seed}")
    gated = rng.random() < GATED if focus.gated is None else focus.gated
    if not gated:
        return None
    return GateSetup(
        senders=rng.choice((1, 2, 8)),
        max_group=rng.choice((2, 3, 16, 16)),
        instances=rng.choice((1, 1, 2)),
        posts=rng.choice((3, 5, 7, 12)),
        lead=rng.choice((0.5, 2.0, 5.0, 5.0)),
        rush_seconds=rng.choice((20, 60)),
        repeats=rng.random() < 0.4,
        owners=rng.choice((1, 2, 6, 6)),
        seats=rng.choice((2, 4, 64, 64)),
    )


def draw_listened(seed: int, focus: Focus) -> bool:
    """Draw whether webhook endpoints listen. Its own random numbers leave the other worlds as they are."""
    return random.Random(f"events {seed}").random() < LISTENED if focus.events is None else focus.events


def make_scenario(rng: random.Random, focus: Focus = ANYWHERE, gate: GateSetup | None = None) -> Scenario:
    poll = rng.random() < 0.15
    skew = rng.choice((0, MAX_SKEW, MAX_SKEW))
    active = rng.choice((240.0, 600.0, 1200.0))
    scenario = Scenario(
        settings=_settings(rng, poll),
        workflow=Workflow(
            names_attempt=rng.random() < 0.7,
            asks_first=rng.random() < 0.4,
            reports_again=rng.random() < 0.5,
            delay=rng.choice((0.05, 1.0, 8.0)),
            answers_at_end=rng.random() < 0.2,
            careless=rng.random() < 0.7,
            forms=tuple(rng.sample(list(FORMS), 3)),
        ),
        skews=tuple(rng.randint(-skew, skew) for _ in range(3)),
        users=rng.choice((1, 1, 2)),
        posts=rng.choice((2, 2, 3, 3, 4, 6)),
        active_seconds=active,
        max_waiting=rng.choice((None, 1, 64, 64)),
        sweep_seconds=rng.choice((120.0, 300.0)) if poll else 300.0,
        platforms=(focus.platform,) if focus.platform else PLATFORMS,
        gate=gate,
    )
    if gate is not None:
        settings = replace(scenario.settings, dispatch_lead_seconds=gate.lead)
        skews = scenario.skews[: gate.instances]
        scenario = replace(scenario, settings=settings, skews=skews, posts=gate.posts, max_waiting=gate.seats)
        scenario = replace(scenario, users=gate.owners)
    workflow = replace(scenario.workflow, **focus.workflow)
    return replace(scenario, workflow=workflow, settings=replace(scenario.settings, **focus.settings))


def _settings(rng: random.Random, poll: bool) -> Settings:
    timeout = rng.choice((10.0, 30.0))
    return Settings(
        public_base_url="https://punctual.example",
        qstash_token=None if poll else "token",
        qstash_current_signing_key="key",
        n8n_callback_secret=SECRET,
        media_check_seconds=rng.choice((0.0, 0.5, 3.0)),
        qstash_max_delay_days=rng.choice((7.0, 7.0, 0.01)),
        qstash_retries=rng.choice((0, 1, 3)),
        dispatch_lead_seconds=rng.choice((0.5, 1.0, 2.0, None)),
        n8n_webhook_url="https://n8n.example/webhook/publish",
        n8n_timeout_seconds=timeout,
        max_retries=rng.choice((0, 1, 2, 3)),
        retry_base_seconds=rng.choice((5.0, 30.0, 120.0)),
        publish_lease_seconds=rng.choice((timeout + 5, 120.0, 480.0)),
        unknown_outcome_policy=rng.choice(("auto", "auto", "auto", "retry", "hold")),
        sweep_batch_size=rng.choice((1, 2, 100)),
        sweep_budget_seconds=rng.choice((10.0, 25.0)),
        sweep_grace_seconds=rng.choice((5.0, 30.0)),
        cron_concurrency=rng.choice((1, 2, 5)),
        max_lateness_seconds=rng.choice((None, None, None, 120.0, 900.0)),
        breaker_threshold=rng.choice((2, 5)),
        breaker_cooldown_seconds=rng.choice((20.0, 60.0)),
    )
