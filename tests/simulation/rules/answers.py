"""Rules on the answers to deliveries, and on the records of their sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.domain.delivery import Dispatched
from tests.simulation.facts import stamp
from tests.simulation.kernel import SECOND
from tests.simulation.routes import HttpAnswer

if TYPE_CHECKING:
    from tests.simulation.kernel import Actor
    from tests.simulation.world import World

LONGEST_CALL = 900 * SECOND  # µs. Without faults no call lasts so long


def answered_sends_are_recorded(world: World, actor: Actor) -> Iterator[str]:
    """A delivery is answered as dispatched only after the answer of n8n is recorded."""
    if actor.error is not None or _answer(actor) not in (("dispatched", None), ("dispatched", "unknown")):
        return
    query = "SELECT count(*) FROM attempts WHERE post_id = ? AND attempt = ? AND outcome IS NULL"
    for claim in actor.notes.get("claimed", {}).items():
        if world.observer.raw.execute(query, claim).fetchone()[0]:
            yield f"{actor.name} is answered, and attempt {claim[1]} of {claim[0][:4]} is without its outcome"


def recorded_sends_are_true(world: World, _: object) -> Iterator[str]:
    """The recorded instant of a send is that of its claim or its own, never another post's."""
    query = "SELECT post_id, attempt, sent_at FROM attempts WHERE sent_at IS NOT NULL"
    own = {(send.post_id, send.attempt): stamp(send.own_clock) for send in world.facts.sends}
    for post_id, attempt, sent_at in world.observer.raw.execute(query):
        claim = world.facts.claims.get((post_id, attempt))
        true = (own.get((post_id, attempt)), claim and claim.at)
        if sent_at not in true:
            yield f"attempt {attempt} of {post_id[:4]} is recorded as sent at {sent_at}, in truth {true}"


def every_call_is_answered(world: World, _: object) -> Iterator[str]:
    """No call hangs: each delivery that enters a gate comes back."""
    for actor in world.kernel.calls:
        if world.kernel.now - actor.began_at > LONGEST_CALL:
            yield f"{actor.name} has got no answer for {(world.kernel.now - actor.began_at) / SECOND:.0f} s"


def gate_threads_never_fail(world: World, thread: Actor) -> Iterator[str]:
    """No thread of a gate meets an exception that it does not handle."""
    yield f"{thread.name} failed"


def _answer(actor: Actor) -> tuple[str | None, str | None] | None:
    """Return the status and reason of a delivery's answer."""
    result = actor.result
    if isinstance(result, Dispatched):
        return result.status, result.reason
    if actor.notes["kind"] != "delivery" or not isinstance(result, HttpAnswer) or not result.ok:
        return None
    body = json.loads(result.body)
    return body.get("status"), body.get("reason")
