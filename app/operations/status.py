"""The scheduler's state for the status route: counts, the sweep's figures, lateness, the breaker, alerts.

Invariant: this file only reads, and no user's data is in the answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from app.alarms import armed_horizon
from app.deps import Deps
from app.domain.alerts import CURES, PUBLIC_DETAILS, PUBLIC_SUBJECTS
from app.domain.breaker import Breaker
from app.domain.errors import NotMigrated, Unavailable
from app.domain.in_flight import InFlight
from app.domain.lead import lead_of
from app.domain.lifecycle import Status
from app.domain.times import to_wire
from app.operations.alert_rules import current_alerts
from app.store.operations import alerts, scheduler_state, statistics, timings
from app.store.operations.in_flight import Shares
from app.store.operations.scheduler_state import SchedulerState
from app.store.operations.timings import Percentiles
from app.store.posts import queries

WINDOW = timedelta(hours=24)
FIELDS = """
    operational database messageService publisher lastRunAt lastRunDurationMs lastRunStatus totalRuns totalPublished
    totalProcessed totalFailed executionLock queue overdue oldestOverdueSeconds parked unarmed nextScheduledAt lateness
    breaker n8n alarm publishedLateness paused alerts
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
    grace = timedelta(seconds=deps.settings.sweep_grace_seconds)
    with deps.db.reading() as connection:
        state = scheduler_state.read(connection, len(deps.publishers) or 1)
        bounds = {"now": now, "overdue_before": now - grace, "horizon": armed_horizon(deps)}
        posts = statistics.of_posts(connection, state.counted, **bounds)
        upcoming = posts.upcoming if posts.is_upcoming_known else queries.next_scheduled_at(connection, now)
        times = timings.read(connection, now - WINDOW)
        current = current_alerts(
            connection, now, state.figures, posts.symptoms, with_messages=deps.messages is not None
        )
    figures, lease, circuit = state.figures, state.lease, _best(state.breakers)
    stopped = deps.messages is None and any(alert.kind == "no_sweep" for alert in current)  # poll mode without polls
    held = lease is not None and lease.expires_at > now
    return {
        "operational": deps.publisher is not None and circuit.opened_at is None and not stopped and state.pause is None,
        "database": "ok",
        "lastRunAt": to_wire(figures.last_run_at) if figures else None,
        "lastRunDurationMs": figures.last_duration_ms if figures else None,
        "lastRunStatus": figures.last_status if figures else None,
        "totalRuns": figures.total_runs if figures else 0,
        "totalPublished": posts.totals[Status.PUBLISHED].ever,
        "totalProcessed": figures.total_sent if figures else 0,
        "totalFailed": figures.total_failed if figures else 0,
        "executionLock": {
            "held": held,
            "by": lease.holder if lease and held else None,
            "expiresAt": to_wire(lease.expires_at) if lease and held else None,
        },
        "queue": posts.by_status,
        "overdue": posts.overdue,
        "oldestOverdueSeconds": (now - posts.oldest).total_seconds() if posts.oldest else None,
        "parked": 0 if deps.messages is None else posts.parked,
        "unarmed": 0 if deps.messages is None else posts.unarmed,
        "nextScheduledAt": to_wire(upcoming),
        "lateness": _lateness(times["lateness"]),
        "breaker": _breaker(circuit, now),
        "n8n": _publisher(deps, times, state, now),
        "alarm": _alarm(deps, times["alarm"]),
        "publishedLateness": _published(times["published"]),
        "paused": {"since": to_wire(state.pause.since), "reason": state.pause.reason} if state.pause else None,
        "alerts": [_public(alert, deps.settings.n8n_names) for alert in current],
    }


def _lateness(seen: Percentiles) -> dict[str, Any]:
    shown = {"p50Ms": seen.p50, "p95Ms": seen.p95, "p99Ms": seen.p99, "maxMs": seen.max, "count": seen.count}
    return shown | {"window": f"{WINDOW.total_seconds() / 3600:g}h"}


def _published(seen: Percentiles) -> dict[str, Any]:
    return {"p50Ms": seen.p50, "p99Ms": seen.p99, "maxMs": seen.max, "count": seen.count}


def _alarm(deps: Deps, seen: Percentiles) -> dict[str, Any]:
    """Return the lead in use by this process, or the one that it would use, and the lateness of alarms."""
    s = deps.settings
    lead = s.dispatch_lead_seconds or deps.lead.seconds or lead_of(seen.p99, seen.count, s.auto_lead_seconds)
    return {"leadSeconds": round(lead, 3), "lateP50Ms": seen.p50, "lateP99Ms": seen.p99}


def _best(circuits: tuple[Breaker, ...]) -> Breaker:
    """Return a closed breaker if there is one: then posts go out. Else return the one that opened last."""
    closed = (each for each in circuits if each.opened_at is None)
    return next(closed, max(circuits, key=lambda each: each.opened_at.timestamp() if each.opened_at else 0.0))


def _publisher(deps: Deps, times: dict[str, Percentiles], state: SchedulerState, now: datetime) -> dict[str, Any]:
    """Return n8n's times, and the posts in flight of all processes.

    Of several n8n, the sum and each are shown.
    """
    answer, report = times["answer"], times["report"]
    each = [_lane(ours, shares, now) for ours, shares in zip(deps.in_flight.lanes, state.in_flight, strict=True)]
    several = {
        "publishers": [
            {"name": name, **lane, "breaker": _breaker(circuit, now)}
            for name, lane, circuit in zip(deps.settings.n8n_names, each, state.breakers, strict=True)
        ]
    }
    return {
        "answerP50Ms": answer.p50,
        "answerP99Ms": answer.p99,
        "reportP50Ms": report.p50,
        "reportP99Ms": report.p99,
        "inFlight": sum(lane["inFlight"] for lane in each),
        "maxInFlight": sum(lane["maxInFlight"] for lane in each),
        **(several if len(each) > 1 else {}),
    }


def _lane(ours: InFlight, shares: Shares, now: datetime) -> dict[str, int]:
    """Return the posts in flight to one n8n, and their bound. Without rows, return those of this process."""
    number = sum(holder.in_flight for holder in shares.live(now).values())
    bound = ours.window.fixed or int(shares.size or ours.window.size)
    return {"inFlight": max(number, len(ours)), "maxInFlight": bound}


def _breaker(circuit: Breaker, now: datetime) -> dict[str, str | None]:
    return {"state": _breaker_state(circuit, now), "openedAt": to_wire(circuit.opened_at)}


def _public(alert: alerts.Alert, publishers: tuple[str, ...]) -> dict[str, Any]:
    """Return the alert without a user's ids and details: the route needs no proof."""
    return {
        "kind": alert.kind,
        "subject": alert.subject if alert.subject in PUBLIC_SUBJECTS or alert.subject in publishers else None,
        "since": to_wire(alert.since),
        "lastAt": to_wire(alert.last_at),
        "count": alert.count,
        "detail": alert.detail if alert.kind in PUBLIC_DETAILS else CURES.get(alert.kind, alert.kind),
    }


def _breaker_state(circuit: Breaker, now: datetime) -> Literal["closed", "half_open", "open"]:
    if circuit.opened_at is None or circuit.probe_at is None:
        return "closed"
    return "half_open" if circuit.probe_at <= now else "open"
