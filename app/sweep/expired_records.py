"""What need not be kept: answers to repeated requests after their day, turns that no cap counts any more."""

from __future__ import annotations

from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.pacing import WINDOW
from app.log import emit
from app.store.operations import idempotency
from app.store.posts import pacing

MOST_AT_ONCE = 1_000  # of each kind, per sweep; the next one takes the rest


def forget_old(deps: Deps) -> None:
    """Forget what is over. Bounded; a database that is away leaves it to the next sweep."""
    now = deps.clock.now()
    try:
        with deps.db.transaction() as tx:
            pacing.prune_turns(tx, now - WINDOW, MOST_AT_ONCE)
            idempotency.prune(tx, now, MOST_AT_ONCE)
    except Unavailable:
        emit("forgetting.postponed")
