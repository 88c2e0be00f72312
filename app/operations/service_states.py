"""The outside services as they are known: database, QStash, each n8n, and the alerts with their cures.

Invariant: nothing is called to find out. What deliveries and sweeps have met is shown.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from app.deps import Deps
from app.domain.alerts import CURES, OF_MESSAGES, OF_PUBLISHERS
from app.domain.errors import Unavailable
from app.domain.times import to_wire
from app.operations.status import scheduler_status
from app.store.posts.alarm_lateness import latest_message

SECONDS = 1000.0


def services(deps: Deps) -> dict[str, Any]:
    """Return the state of each service, with alerts. An absent database is part of the answer."""
    began = deps.clock.now()
    status = scheduler_status(deps)
    taken = (deps.clock.now() - began).total_seconds() * SECONDS
    alerts = [alert | {"last_at": alert["lastAt"], "cure": CURES.get(alert["kind"])} for alert in status["alerts"]]
    return {
        "operational": status["operational"],
        "paused": status["paused"],
        "database": {
            "state": status["database"],
            "kind": deps.db.engine.dialect.name,
            "answer_ms": round(taken, 1) if status["database"] == "ok" else None,
        },
        "message_service": _messages(deps, status),
        "publishers": _publishers(deps, status),
        "answers": _times(status, "answer"),
        "reports": _times(status, "report"),
        "queue": status["queue"],
        "overdue": status["overdue"],
        "unarmed": status["unarmed"],
        "parked": status["parked"],
        "alerts": alerts,
    }


def _messages(deps: Deps, status: dict[str, Any]) -> dict[str, Any]:
    alarm = status["alarm"] or {}
    latest = _latest_message(deps) if status["database"] == "ok" else None
    if deps.messages is None:
        state = "none"
    else:
        state = _state(OF_MESSAGES, status["alerts"], None) or ("ok" if latest is not None else "unknown")
    return {
        "state": state,
        "host": None if deps.messages is None else urlsplit(deps.settings.qstash_url or "").hostname,
        "latest_message_at": to_wire(latest),
        "lead_seconds": alarm.get("leadSeconds"),
        "late_p50_ms": alarm.get("lateP50Ms"),
        "late_p99_ms": alarm.get("lateP99Ms"),
    }


def _latest_message(deps: Deps) -> Any:
    try:
        with deps.db.reading() as connection:
            return latest_message(connection)
    except Unavailable:
        return None


def _publishers(deps: Deps, status: dict[str, Any]) -> list[dict[str, Any]]:
    if deps.publisher is None or status["n8n"] is None:
        return []
    n8n, names = status["n8n"], deps.settings.n8n_names
    own = {"breaker": status["breaker"], "inFlight": n8n["inFlight"], "maxInFlight": n8n["maxInFlight"]}
    each = n8n.get("publishers") or [own]
    has_answers = n8n["answerP50Ms"] is not None
    return [
        {
            "name": name,
            "state": _publisher_state(name, lane["breaker"]["state"], status["alerts"], has_answers),
            "breaker": {"state": lane["breaker"]["state"], "opened_at": lane["breaker"]["openedAt"]},
            "in_flight": lane["inFlight"],
            "max_in_flight": lane["maxInFlight"],
            "best_answer_ms": None
            if ours.window.best_seconds is None
            else round(ours.window.best_seconds * SECONDS, 1),
        }
        for name, lane, ours in zip(names, each, deps.in_flight.lanes, strict=True)
    ]


def _publisher_state(name: str, circuit: str, alerts: list[dict[str, Any]], has_answers: bool) -> str:
    if circuit != "closed":
        return "failing"
    return _state(OF_PUBLISHERS, alerts, name) or ("ok" if has_answers else "unknown")


def _state(kinds: dict[str, str], alerts: list[dict[str, Any]], subject: str | None) -> str | None:
    """Return the state of the first kind that is among the alerts about `subject`, of any subject for None."""
    raised = {alert["kind"] for alert in alerts if subject is None or alert["subject"] in (subject, "n8n")}
    return next((state for kind, state in kinds.items() if kind in raised), None)


def _times(status: dict[str, Any], name: str) -> dict[str, Any]:
    of = status["n8n"] or {}
    return {"p50_ms": of.get(f"{name}P50Ms"), "p99_ms": of.get(f"{name}P99Ms")}
