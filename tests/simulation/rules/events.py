"""Rules on webhooks: each event arrives at least once, at its owner's endpoint alone, and none without its cause."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.endpoints import Arrival
    from tests.simulation.world import World


def events_have_a_cause(world: World, arrival: Arrival) -> Iterator[str]:
    """An event that arrives has been caused by a committed change, as often as it arrives with an id of its own.

    Several reports may each leave the same outcome unknown, and each is an event.
    """
    assert world.endpoints is not None
    heard, told = world.endpoints.heard, arrival.told
    ids = heard.arrived[told] | {arrival.event_id}
    may_repeat = (told.type, told.status) == ("post.outcome_unknown", "publishing")
    if len(ids) > heard.caused[told] and not (may_repeat and heard.caused[told]):
        yield f"{told} came with {len(ids)} ids, and was caused {heard.caused[told]} times"


def events_reach_their_owner_alone(world: World, arrival: Arrival) -> Iterator[str]:
    """The endpoint of a user is told of that user's posts and accounts, and of nobody else's."""
    assert world.endpoints is not None
    listener = world.endpoints.users[arrival.told.url]
    if listener != arrival.user:
        yield f"{listener} was told {arrival.told.type} of {arrival.user}"


def event_is_the_same_in_every_try(world: World, arrival: Arrival) -> Iterator[str]:
    """A repeated event has the same id and the same body, so its receiver can know it again."""
    assert world.endpoints is not None
    before = world.endpoints.heard.bodies.get(arrival.event_id, arrival.body)
    if before != arrival.body:
        yield f"event {arrival.event_id} came as {before}, then as {arrival.body}"


def each_event_is_delivered(world: World, _: object) -> Iterator[str]:
    """Each caused event has arrived, unless its endpoint refused it for good."""
    if world.endpoints is not None:
        for told, times in world.endpoints.missing():
            yield f"{told} was caused and {times} of it never arrived"


def endpoints_are_disabled_for_cause(world: World, _: object) -> Iterator[str]:
    """An endpoint is switched off only after twenty failures. A secret that no key opens is one too."""
    if world.endpoints is not None:
        for url in sorted(world.endpoints.disabled()):
            failures = world.endpoints.heard.failures[url] + world.faults.counts["token_unreadable"]
            if failures < 20:
                yield f"{url} was switched off after {failures} failures"
