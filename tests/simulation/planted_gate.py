"""Patches that break one rule of the gate each, as `planted` does for the other rules."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Any
from unittest import mock

from app.delivery import claim, settle
from app.delivery.gate import gate, settler, waiting
from app.delivery.gate.senders import Senders
from app.delivery.gate.settler import Settler
from app.delivery.gate.waiting import Waiting
from app.domain.delivery import Dispatched, TurnedAway
from app.domain.fairness import FairQueue
from app.store.posts import transitions


def generations_have_many_places() -> AbstractContextManager[Any]:
    """Give each delivery a place of its own in the waiting queue, duplicates too."""
    return mock.patch.object(waiting, "_place", id)


@contextmanager
def twins_are_both_claimed() -> Iterator[None]:
    """Let two deliveries of one post be in a group, and win its one claim."""
    real = transitions.claim

    def claim_twins(tx: Any, group: Any, **how: Any) -> Any:
        won = real(tx, group, **how)
        posts = {post.id: post for post in won.values()}
        return {n: posts[intent.post_id] for n, intent in enumerate(group) if intent.post_id in posts}

    with generations_have_many_places(), mock.patch.object(transitions, "claim", claim_twins):
        yield


@contextmanager
def duplicates_are_sent_too() -> Iterator[None]:
    """Send the duplicates of a claimed delivery beside it."""
    real = Senders.put

    def put(self: Any, deps: Any, delivery: Any) -> None:
        for _ in delivery.duplicates:
            real(self, deps, replace(delivery, future=Future(), duplicates=[]))
        real(self, deps, delivery)

    with mock.patch.object(Senders, "put", put):
        yield


@contextmanager
def withdrawn_deliveries_are_forgotten() -> Iterator[None]:
    """Take a delivery without a seat out of the queue, and answer it never."""
    real = Waiting._finish

    def finish(self: Any, delivery: Any, result: Any) -> None:
        if result is TurnedAway.NO_SEAT:
            self._vacate(delivery)
        else:
            real(self, delivery, result)

    with mock.patch.object(Waiting, "_finish", finish):
        yield


@contextmanager
def returning_owners_lose_an_item() -> Iterator[None]:
    """Lose the item of an owner without items in the fair queue, if it had some before."""
    real = FairQueue.put

    def put(self: Any, owner: str, item: Any, key: Any) -> None:
        if owner not in self._last_round or owner in self._queues:
            real(self, owner, item, key)

    with mock.patch.object(FairQueue, "put", put):
        yield


@contextmanager
def seats_are_kept() -> Iterator[None]:
    """Never give a seat back at the gate."""
    with mock.patch.object(waiting, "_release_seats"), mock.patch.object(gate, "release_seat", create=True):
        yield


@contextmanager
def lost_claims_are_sent() -> Iterator[None]:
    """Send the members of a group whose claim was lost, as they were prepared."""
    real = claim.claim

    def claim_all(deps: Any, group: Any, *how: Any, **more: Any) -> Any:
        real(deps, group, *how, **more)
        for delivery in group:
            delivery.claimed = delivery.claimed or replace(delivery.post, attempt=delivery.post.attempt + 1)
        return [None for _ in group]

    with mock.patch.object(waiting, "claim", claim_all):
        yield


@contextmanager
def held_claims_are_committed_early() -> Iterator[None]:
    """Commit a held claim after the longest hold, though the clock was put back."""
    real = claim._hold_until

    def hold_until(deps: Any, at: Any) -> None:
        with suppress(claim.ClockSetBack):
            real(deps, at)

    with mock.patch.object(claim, "_hold_until", hold_until):
        yield


@contextmanager
def neighbours_are_settled() -> Iterator[None]:
    """Settle each member of a group with the answer of its neighbour."""
    real = settle.settle_accepted

    def settle_accepted(deps: Any, group: Any) -> Any:
        shifted = [*group[1:], *group[:1]]
        return real(deps, [replace(one, sent_at=other.sent_at) for one, other in zip(group, shifted, strict=True)])

    with mock.patch.object(settler, "settle_accepted", settle_accepted):
        yield


@contextmanager
def answers_come_before_the_settle() -> Iterator[None]:
    """Answer a delivery as soon as n8n has accepted it."""
    real = Settler.put

    def put(self: Any, delivery: Any) -> None:
        answered, delivery.future = delivery.future, Future()
        real(self, delivery)
        answered.set_result(Dispatched("dispatched"))

    with mock.patch.object(Settler, "put", put):
        yield


@contextmanager
def members_are_forgotten_before_the_send() -> Iterator[None]:
    """Forget a claimed member of a group while others are queued."""
    real = Senders.put

    def put(self: Any, deps: Any, delivery: Any) -> None:
        if not self.backlog:
            real(self, deps, delivery)

    with mock.patch.object(Senders, "put", put):
        yield


def members_are_forgotten_after_the_send() -> AbstractContextManager[Any]:
    """Settle the first member of a group alone, and answer no other."""
    real = Settler._settle
    return mock.patch.object(Settler, "_settle", lambda self, deps, group: real(self, deps, group[:1]))
