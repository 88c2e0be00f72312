"""Raise and clear operators' alerts beside the work.

Invariant: no failure here stops the work. While the database is away the alert is only logged.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from app.deps import Deps
from app.domain.alerts import CRON_REFUSED, CURES, DELIVERIES_REFUSED, REFUSAL_ALERT_PERIOD, REPORTS_REFUSED
from app.domain.errors import Unavailable
from app.log import emit
from app.store.operations import alerts

#: The subject of each alert about refused calls: the caller.
SUBJECTS = {DELIVERIES_REFUSED: "qstash", REPORTS_REFUSED: "n8n", CRON_REFUSED: "scheduler"}


def raise_alert(deps: Deps, kind: str, subject: str, detail: str) -> None:
    """Raise an alert, or renew it. Raises nothing. While the database is away, the alert is logged alone."""
    try:
        with deps.db.transaction() as tx:
            alerts.raise_alert(tx, kind, subject, detail, deps.clock.now())
    except Unavailable:
        emit("alert.not_kept", kind=kind, subject=subject, detail=detail)


def clear_alerts(deps: Deps, kinds: Sequence[str], subject: str) -> None:
    """Clear the alerts of these kinds. Raises nothing: the next success clears a left-over alert."""
    try:
        with deps.db.transaction() as tx:
            alerts.clear_kinds(tx, kinds, subject)
    except Unavailable:
        emit("alert.not_cleared", kinds=list(kinds), subject=subject)


class RefusedCalls:
    """The alerts of refused calls by machines, one object for each process.

    A flood of refused calls costs one write for each kind and REFUSAL_ALERT_PERIOD. An accepted call looks for the
    alert at most once in that period too, and always after a refusal in this process.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._lock = threading.Lock()
        self._raised: dict[str, datetime] = {}
        self._looked: dict[str, datetime] = {}

    def refused(self, kind: str) -> None:
        """Raise the alert of this kind, at most once in each period. Raises nothing."""
        if self._is_time(self._raised, kind):
            raise_alert(self._deps, kind, SUBJECTS[kind], CURES[kind])
            with self._lock:
                self._looked.pop(kind, None)

    def accepted(self, kind: str) -> None:
        """Clear the alert of this kind. Raises nothing."""
        if not self._is_time(self._looked, kind):
            return
        try:
            with self._deps.db.reading() as connection:
                is_raised = SUBJECTS[kind] in alerts.subjects(connection, kind)
        except Unavailable:
            return
        if is_raised:
            clear_alerts(self._deps, [kind], SUBJECTS[kind])

    def _is_time(self, last: dict[str, datetime], kind: str) -> bool:
        """Return True once in each period. A clock that was put back begins a period."""
        now = self._deps.clock.now()
        with self._lock:
            before = last.get(kind)
            if before is not None and timedelta(0) <= now - before < REFUSAL_ALERT_PERIOD:
                return False
            last[kind] = now
        return True
