"""Patches that break one rule of the gate each, as `planted` does for the other rules."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Any
from unittest import mock

from app.delivery import claim, settle
from app.delivery.gate import settler, waiting
from app.delivery.gate.senders import Senders
from app.delivery.gate.settler import Settler
from app.domain.delivery import Dispatched
from app.store.posts import transitions


@contextmanager
def twins_are_both_claimed() -> Iterator[None]:
    """Let two deliveries of one post in a group win its one claim."""
    real = transitions.claim

    def claim_twins(tx: Any, group: Any, **how: Any) -> Any:
        won = real(tx, group, **how)
        posts = {post.id: post for post in won.values()}
        return {n: posts[intent.post_id] for n, intent in enumerate(group) if intent.post_id in posts}

    with mock.patch.object(transitions, "claim", claim_twins):
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
