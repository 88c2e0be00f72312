"""The circuit breaker of each n8n, of all instances: it counts answers and closes after a proof that n8n works.

Invariant: one user's failures stop no other user's posts.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.breaker import Breaker
from app.domain.outcomes import BUSY_STATUSES, Outcome, Verdict
from app.log import emit
from app.store.engine import Connection
from app.store.operations import alerts, breaker


def count_in_breaker(deps: Deps, tx: Connection, owner: str, verdict: Verdict, circuit: Breaker, now: datetime) -> bool:
    """Count the answer in the breaker of all instances. Return True while it is open: a failure is free then."""
    is_failure = verdict.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN) or (
        verdict.outcome is Outcome.TRANSIENT and verdict.http_status not in BUSY_STATUSES
    )
    if is_failure:
        s = deps.settings
        cooldown, threshold = timedelta(seconds=s.breaker_cooldown_seconds), s.breaker_threshold
        timed_out = verdict.outcome is Outcome.UNKNOWN
        if breaker.record_failure(
            tx, threshold=threshold, cooldown=cooldown, now=now, timed_out=timed_out, owner=owner, index=circuit.index
        ):
            name = s.n8n_names[circuit.index]
            emit("breaker.opened", publisher=name)
            alerts.raise_alert(tx, "breaker_open", name, CURES["breaker_open"], now)
            return True
        return circuit.is_open_for(owner, threshold)
    if circuit != Breaker():
        close_breaker(deps, tx, circuit.index)
    return False


def close_breaker(deps: Deps, tx: Connection, index: int) -> None:
    """Close the breaker of one n8n after a proof that it works, and clear its alert."""
    if breaker.record_success(tx, index):
        name = deps.settings.n8n_names[index]
        emit("breaker.closed", publisher=name)
        alerts.clear(tx, "breaker_open", name)
