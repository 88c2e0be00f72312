"""Patches that run the app's gate on virtual threads, with rows locked by others.

Invariant: the gate's modules run unchanged. Only `threading`, `queue`, `time` and the rows' locks are stand-ins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from app.delivery import claim
from app.delivery.alone import deliver_alone as alone
from app.delivery.gate import gate, replies, senders, settler, waiting
from app.delivery.rehearsal import Rehearsal
from app.deps import Deps
from app.domain.delivery import DeliveryResult, ReadyDelivery
from app.log import emit as log
from app.store.posts import attempts, leases, transitions
from tests.simulation import rules
from tests.simulation.facts import key
from tests.simulation.threads import Queue, Threading, Time

if TYPE_CHECKING:
    from tests.simulation.world import World


@contextmanager
def virtual_gate(world: World) -> Iterator[None]:
    """Let the gate's modules run on the virtual threads of this world, if it has a gate.

    No instance rehearses: that would be a thread of its own, and changes nothing that a rule could see.
    """
    patches: list[tuple[Any, str, Any]] = [(Rehearsal, "begin", lambda *_: None)]
    if world.scenario.gate is not None:
        patches += _of_gate(world, world.scenario.gate.max_group)
    with ExitStack() as stack:
        for owner, name, stand_in in patches:
            stack.enter_context(mock.patch.object(owner, name, stand_in))
        yield


def _of_gate(world: World, max_group: int) -> list[tuple[Any, str, Any]]:
    stage = world.instances
    threading, queue, time = Threading(stage), Queue(stage), Time(stage)
    return [
        (gate, "threading", threading),
        (gate, "emit", _emit(world)),
        (gate, "deliver_alone", _deliver_alone(world)),
        (waiting, "threading", threading),
        (waiting, "MAX_GROUP", max_group),
        (senders, "threading", threading),
        (senders, "queue", queue),
        (senders, "time", time),
        (settler, "queue", queue),
        (replies, "queue", queue),
        (replies, "time", time),
        (claim, "time", Time(stage, stage.hold_claim)),
        (transitions, "claim", _claim(world)),
        (leases, "extend_leases", _without_locked(world, leases.extend_leases)),
        (attempts, "accept", _without_locked(world, attempts.accept, always=True)),
    ]


def _emit(world: World) -> Callable[..., None]:
    """Return the log of the gate's threads. A thread that fails breaks a rule."""

    def emit(event: str, **fields: Any) -> None:
        log(event, **fields)
        if event == "gate.loop_failed":
            world.check(rules.ON_GATE_FAILURE, world.kernel.current)
            world.kernel.pause(0.1)  # or a thread that always fails would stop the time

    return emit


def _deliver_alone(world: World) -> Callable[[Deps, ReadyDelivery], DeliveryResult]:
    """Note the attempt that a caller gets back from the gate and finishes itself."""

    def deliver_alone(deps: Deps, delivery: ReadyDelivery) -> DeliveryResult:
        actor = world.kernel.current
        assert actor is not None
        if delivery.claimed is not None:
            actor.notes.setdefault("claimed", {})[key(delivery.post.id)] = delivery.claimed.attempt
        return alone(deps, delivery)

    return deliver_alone


def _claim(world: World) -> Callable[..., Any]:
    """Return the claim of a group with some rows held by another transaction. SQLite has no such locks."""
    real = transitions.claim

    def claim_group(tx: Any, group: Any, *, skip_locked: bool = False, **how: Any) -> Any:
        if skip_locked:
            world.facts.groups[len(group)] += 1
            world.facts.shares["groups of several owners"] += len({world.authors.posts[i.post_id] for i in group}) > 1
            world.check(rules.ON_GROUP, group)
        free = [n for n in range(len(group)) if not (skip_locked and world.inject("row_locked"))]
        won = real(tx, [group[n] for n in free], skip_locked=skip_locked, **how)
        return {free[n]: post for n, post in won.items()}

    return claim_group


def _without_locked(world: World, real: Callable[..., Any], *, always: bool = False) -> Callable[..., Any]:
    """Return a write of a group that leaves out some rows as locked, where it may skip them."""

    def write(tx: Any, group: Any, **how: Any) -> Any:
        may_skip = always or how.get("skip_locked", False)
        return real(tx, [one for one in group if not (may_skip and world.inject("row_locked"))], **how)

    return write
