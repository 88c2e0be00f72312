"""Tell operators: an alert that is raised beside the work and never in its way."""

from __future__ import annotations

from collections.abc import Sequence

from app.deps import Deps
from app.domain.errors import Unavailable
from app.log import emit
from app.store.operations import alerts


def alert(deps: Deps, kind: str, subject: str, detail: str) -> None:
    """Begin or renew an alert. Never raises: a database that is down has alerts of its own."""
    emit("alert", kind=kind, subject=subject, detail=detail)
    try:
        with deps.db.transaction() as tx:
            alerts.raise_alert(tx, kind, subject, detail, deps.clock.now())
    except Unavailable:
        emit("alert.not_kept", kind=kind, subject=subject)


def clear_alerts(deps: Deps, kinds: Sequence[str], subject: str) -> None:
    """End these alerts. Never raises: what could not be ended now is ended the next time that all is well."""
    try:
        with deps.db.transaction() as tx:
            alerts.clear_kinds(tx, kinds, subject)
    except Unavailable:
        emit("alert.not_cleared", kinds=list(kinds), subject=subject)
