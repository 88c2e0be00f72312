"""Raise and clear operators' alerts beside the work.

Invariant: no failure here stops the work. While the database is away the alert is only logged.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.deps import Deps
from app.domain.errors import Unavailable
from app.log import emit
from app.store.operations import alerts


def raise_alert(deps: Deps, kind: str, subject: str, detail: str) -> None:
    """Raise an alert, or renew it. Raises nothing."""
    emit("alert", kind=kind, subject=subject, detail=detail)
    try:
        with deps.db.transaction() as tx:
            alerts.raise_alert(tx, kind, subject, detail, deps.clock.now())
    except Unavailable:
        emit("alert.not_kept", kind=kind, subject=subject)


def clear_alerts(deps: Deps, kinds: Sequence[str], subject: str) -> None:
    """Clear the alerts of these kinds. Raises nothing: the next success clears a left-over alert."""
    try:
        with deps.db.transaction() as tx:
            alerts.clear_kinds(tx, kinds, subject)
    except Unavailable:
        emit("alert.not_cleared", kinds=list(kinds), subject=subject)
