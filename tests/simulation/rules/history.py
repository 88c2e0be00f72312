"""Rules on the transitions and the row they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.domain.lifecycle import ALLOWED, Status

if TYPE_CHECKING:
    from tests.simulation.observer import Change
    from tests.simulation.world import World


def transitions_follow_the_lifecycle(world: World, change: Change) -> Iterator[str]:
    """The lifecycle allows every transition."""
    for step in change.steps:
        if step.before is not None and Status(step.after) not in ALLOWED[Status(step.before)]:
            yield f"{step.before} → {step.after} by {step.actor} ({step.reason})"


def transitions_lead_to_the_row(world: World, change: Change) -> Iterator[str]:
    """All transitions, replayed in order, give the row's status, generation and attempt."""
    row = change.after
    state = world.facts.history.get(row.id, (None, 0, 0))
    for step in change.steps:
        if step.before != state[0]:
            yield f"a transition from {step.before}, where the one before led to {state[0]}"
        state = (step.after, step.generation, step.attempt)
    world.facts.history[row.id] = state
    if state != (row.status, row.generation, row.attempt):
        yield f"transitions lead to {state}, the row is {(row.status, row.generation, row.attempt)}"


def counters_never_go_down(world: World, change: Change) -> Iterator[str]:
    """Generation, attempt and arm count never fall, and each claim adds one attempt."""
    before, after = change.before, change.after
    if before is None:
        return
    for name in ("generation", "attempt", "arm_count"):
        if getattr(after, name) < getattr(before, name):
            yield f"{name} went from {getattr(before, name)} to {getattr(after, name)}"
    if after.attempt != before.attempt and after.attempt != before.attempt + 1:
        yield f"attempt went from {before.attempt} to {after.attempt}"
