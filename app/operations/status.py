"""The scheduler's state for the status route: counts, the sweep's figures, lateness, the breaker, alerts.

Invariant: this file only reads, and no user's data is in the answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from app.alarms import armed_horizon
from app.deps import Deps
from app.domain.alerts import CURES, PUBLIC_SUBJECTS
from app.domain.breaker import Breaker
from app.domain.errors import NotMigrated, Unavailable
from app.domain.times import to_wire
from app.operations.alert_rules import current_alerts
from app.store.operations import alerts, breaker, runs, statistics
from app.store.posts import queries

WINDOW = timedelta(hours=24)
FIELDS = """
    operational database messageService publisher lastRunAt lastRunDurationMs lastRunStatus totalRuns totalPublished
    totalProcessed totalFailed executionLock queue overdue oldestOverdueSeconds parked unarmed nextScheduledAt lateness
    breaker alerts
"""


def scheduler_status(deps: Deps) -> dict[str, Any]:
    """Return every field of the status route. Raises nothing: an absent database is part of the answer.

    `totalProcessed` and `totalFailed` count the posts that the sweeps sent themselves.
    """
    now = deps.clock.now()
    fixed = {
        "messageService": "none" if deps.messages is None else "configured",
        "publisher": "none" if deps.publisher is None else "configured",
    }
    try:
        return _read_status(deps, now) | fixed
    except Unavailable as error:
        database = "not_migrated" if isinstance(error, NotMigrated) else "unreachable"
        return dict.fromkeys(FIELDS.split()) | {"operational": False, "database": database, "alerts": [], **fixed}


def _read_status(deps: Deps, now: datetime) -> dict[str, Any]:
    with deps.db.reading() as connection:
        figures = runs.read_figures(connection, runs.SWEEP)
        lease = runs.read_lease(connection, runs.SWEEP)
        circuit = breaker.read(connection)
        queue = statistics.queue(connection)
        overdue = statistics.overdue(connection, now - timedelta(seconds=deps.settings.sweep_grace_seconds))
        unarmed, parked = statistics.unarmed_and_parked(connection, armed_horizon(deps))
        lateness = statistics.lateness(connection, now - WINDOW)
        current = current_alerts(connection, now, figures, with_messages=deps.messages is not None)
        upcoming = queries.next_scheduled_at(connection, now)
    stopped = deps.messages is None and any(alert.kind == "no_sweep" for alert in current)  # poll mode without polls
    held = lease is not None and lease.expires_at > now
    return {
        "operational": deps.publisher is not None and circuit.opened_at is None and not stopped,
        "database": "ok",
        "lastRunAt": to_wire(figures.last_run_at) if figures else None,
        "lastRunDurationMs": figures.last_duration_ms if figures else None,
        "lastRunStatus": figures.last_status if figures else None,
        "totalRuns": figures.total_runs if figures else 0,
        "totalPublished": queue.total_published,
        "totalProcessed": figures.total_sent if figures else 0,
        "totalFailed": figures.total_failed if figures else 0,
        "executionLock": {
            "held": held,
            "by": lease.holder if lease and held else None,
            "expiresAt": to_wire(lease.expires_at) if lease and held else None,
        },
        "queue": queue.by_status,
        "overdue": overdue.count,
        "oldestOverdueSeconds": (now - overdue.oldest).total_seconds() if overdue.oldest else None,
        "parked": 0 if deps.messages is None else parked,
        "unarmed": 0 if deps.messages is None else unarmed,
        "nextScheduledAt": to_wire(upcoming),
        "lateness": lateness | {"window": f"{WINDOW.total_seconds() / 3600:g}h"},
        "breaker": {"state": _breaker_state(circuit, now), "openedAt": to_wire(circuit.opened_at)},
        "alerts": [_public(alert) for alert in current],
    }


def _public(alert: alerts.Alert) -> dict[str, Any]:
    """Return the alert without a user's ids and details: the route needs no proof."""
    return {
        "kind": alert.kind,
        "subject": alert.subject if alert.subject in PUBLIC_SUBJECTS else None,
        "since": to_wire(alert.since),
        "lastAt": to_wire(alert.last_at),
        "count": alert.count,
        "detail": CURES.get(alert.kind, alert.kind),
    }


def _breaker_state(circuit: Breaker, now: datetime) -> Literal["closed", "half_open", "open"]:
    if circuit.opened_at is None or circuit.probe_at is None:
        return "closed"
    return "half_open" if circuit.probe_at <= now else "open"
