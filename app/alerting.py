"""Tell operators: an alert that is raised beside the work and never in its way."""

from __future__ import annotations

from app.deps import Deps
from app.domain.errors import Unavailable
from app.log import emit
from app.store import alerts


def alert(deps: Deps, kind: str, subject: str, detail: str) -> None:
    """Begin or renew an alert. Never raises: a database that is down has alerts of its own."""
    emit("alert", kind=kind, subject=subject, detail=detail)
    try:
        with deps.db.transaction() as tx:
            alerts.raise_alert(tx, kind, subject, detail, deps.clock.now())
    except Unavailable:
        emit("alert.not_kept", kind=kind, subject=subject)
