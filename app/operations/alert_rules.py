"""What an operator should know now: alerts that were raised and are not healed, and those that the figures tell.

Promise: each goes away once its cause has. Reads only, but for `forget_healed`, which the sweep calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime

from app.deps import Deps
from app.domain import alerts as rules
from app.domain.alerts import CURES
from app.log import emit
from app.store.engine import Connection
from app.store.operations import alert_queries, alerts, runs
from app.store.operations.alerts import Alert

PUBLISHER = frozenset({"workflow_inactive", "publisher_refuses_us"})
EVENTS = frozenset({"duplicate_publish", "published_after_cancel"})


def current_alerts(connection: Connection, now: datetime, figures: runs.SweepFigures | None) -> list[Alert]:
    """Newest first."""
    raised = [alert for alert in alerts.current(connection) if not _is_healed(connection, alert, now, figures)]
    return sorted([*raised, *_derived(connection, now, figures)], key=lambda alert: alert.last_at, reverse=True)


def forget_healed(deps: Deps) -> None:
    """Remove what is healed, unless it was renewed in between. Raises Unavailable."""
    now = deps.clock.now()
    with deps.db.reading() as connection:
        figures = runs.read_figures(connection, runs.SWEEP)
        healed = [alert for alert in alerts.current(connection) if _is_healed(connection, alert, now, figures)]
    if healed:
        with deps.db.transaction() as tx:
            for alert in healed:
                alerts.clear_unless_renewed(tx, alert)
        emit("alerts.healed", kinds=sorted(alert.kind for alert in healed))


def _is_healed(connection: Connection, alert: Alert, now: datetime, figures: runs.SweepFigures | None) -> bool:
    """The others are cleared by what heals them: a success closes the breaker, QStash takes a message."""
    if alert.kind in PUBLISHER:
        return alert_queries.accepted_since(connection, alert.last_at)
    if alert.kind == "message_service_beyond_horizon":  # each sweep tries the unarmed again, and would have renewed it
        return figures is not None and figures.last_status == "ok" and figures.last_run_at > alert.last_at
    if alert.kind == "reconnect_required":
        return not alert_queries.account_exists(connection, alert.subject)
    return alert.kind in EVENTS and now - alert.last_at > rules.TOLD_FOR


def _derived(connection: Connection, now: datetime, figures: runs.SweepFigures | None) -> Iterator[Alert]:
    for alert in (_no_sweep(connection, now, figures), _stale_claims(connection, now), _lateness(connection, now)):
        if alert is not None:
            yield alert


def _no_sweep(connection: Connection, now: datetime, figures: runs.SweepFigures | None) -> Alert | None:
    """Since the last sweep, or where there was none since the first post."""
    since = figures.last_run_at if figures else alert_queries.in_use_since(connection)
    if since is None or now - since <= rules.NO_SWEEP_AFTER:
        return None
    return _alert("no_sweep", alert_queries.Seen((now - since) // rules.NO_SWEEP_AFTER, since, now))


def _stale_claims(connection: Connection, now: datetime) -> Alert | None:
    seen = alert_queries.stale_claims(connection, now - rules.STALE_WITHIN)
    return _alert("stale_claims", seen) if seen is not None and seen.count > rules.STALE_CLAIMS else None


def _lateness(connection: Connection, now: datetime) -> Alert | None:
    """The percentile of the last hour against the days before; those are read only where the hour is late at all."""
    began = now - rules.LATE_WITHIN
    recent = alert_queries.lateness_since(connection, began)
    if len(recent) < rules.LATE_LEAST:
        return None
    late_ms = sorted(ms for _, ms in recent)[math.ceil(rules.LATE_SHARE * len(recent)) - 1]
    if late_ms <= rules.MIN_ALERT_LATENESS_MS:
        return None
    usual_ms = max(late_ms / rules.LATE_FACTOR, rules.MIN_ALERT_LATENESS_MS)
    count, share = alert_queries.share_late(connection, now - rules.USUAL_OVER, began, usual_ms)
    if count < rules.LATE_LEAST or share > 1 - rules.LATE_SHARE:
        return None
    instants = [at for at, ms in recent if ms > usual_ms]
    return _alert("lateness_unusual", alert_queries.Seen(len(instants), instants[-1], instants[0]))


def _alert(kind: str, seen: alert_queries.Seen) -> Alert:
    return Alert(kind, "scheduler", seen.first, seen.last, seen.count, CURES[kind])
