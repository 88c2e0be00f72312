"""The current alerts: raised and not healed, or derived from the figures.

Invariant: each alert goes away once its cause has. This file only reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime

from app.domain import alerts as rules
from app.domain.alerts import CURES
from app.store.engine import Connection
from app.store.operations import alert_queries, alerts, breaker, runs
from app.store.operations.alert_queries import Occurrences, Symptoms
from app.store.operations.alerts import Alert
from app.store.posts.missing_reports import missing_reports
from app.store.schema.tables import new_id

#: Kinds that a later accepted send shows to be over.
ENDED_BY_A_SEND = frozenset(
    {
        "workflow_inactive",
        "publisher_refuses_us",
        "publisher_address_wrong",
        "publisher_not_configured",
        "tokens_unreadable",
    }
)
#: Kinds that follow from the figures. Their rows only record that the begin was logged.
DERIVED = frozenset({"no_sweep", "stale_claims", "lateness_unusual", "posts_overdue", "deliveries_missing"})
EVENTS = frozenset({"duplicate_publish", "published_after_cancel"})
SAMPLE = 500  # of a kind, in one sweep


def current_alerts(
    connection: Connection,
    now: datetime,
    figures: runs.SweepFigures | None,
    seen: Symptoms | None = None,
    *,
    with_messages: bool,
) -> list[Alert]:
    """Return the current alerts: the operator's own first, then one for each kind about users' accounts and posts.

    Both are ordered newest first. `with_messages` is False in poll mode. Without `seen`, the symptoms are read.
    """
    seen = seen or alert_queries.symptoms(connection, now)
    stored, objects = alerts.stored(connection)
    raised = [a for a in stored if a.kind not in DERIVED and not _is_healed(connection, a, now, figures)]
    derived = _derived(connection, now, figures, seen, with_messages)
    own = sorted([*raised, *derived], key=lambda alert: alert.last_at, reverse=True)
    return own + sorted(_per_object(connection, objects, now), key=lambda alert: alert.last_at, reverse=True)


def _per_object(connection: Connection, objects: dict[str, list[Alert]], now: datetime) -> Iterator[Alert]:
    """Yield one alert for each kind about single accounts or posts, of MAX_COUNTED of them at most."""
    for kind, found in objects.items():
        healed = {alert.subject for alert in _healed_objects(connection, found, now)}
        left = [alert for alert in found if alert.subject not in healed]
        if left:
            since, last_at = min(alert.since for alert in left), max(alert.last_at for alert in left)
            examples = tuple(alert.subject for alert in left[: rules.EXAMPLES])
            count = sum(alert.count for alert in left)
            yield Alert(kind, examples[0], since, last_at, count, left[0].detail, examples)


def _healed_objects(connection: Connection, found: list[Alert], now: datetime) -> list[Alert]:
    """Return those of the alerts about single accounts or posts that are over."""
    wanted = [alert.subject for alert in found if alert.kind == "reconnect_required"]
    accounts = alert_queries.existing_accounts(connection, wanted) if wanted else set()
    return [
        alert
        for alert in found
        if (alert.kind in EVENTS and now - alert.last_at > rules.EVENT_ALERT_LIFETIME)
        or (alert.kind == "reconnect_required" and alert.subject not in accounts)
    ]


def begun_and_healed(
    connection: Connection, now: datetime, publishers: Sequence[str], *, with_messages: bool
) -> tuple[list[Alert], list[Alert]]:
    """Return the derived alerts without a row, and the rows without a cause any more.

    `publishers` are the names of the present n8n, in the order of their settings.
    """
    figures, stored = runs.read_figures(connection, runs.SWEEP), alerts.of_installation(connection)
    derived = list(_derived(connection, now, figures, alert_queries.symptoms(connection, now), with_messages))
    present = {alert.kind for alert in derived}
    recorded = {alert.kind for alert in stored}
    begun = [alert for alert in derived if alert.kind not in recorded]
    healed = [
        alert
        for alert in stored
        if (alert.kind not in present if alert.kind in DERIVED else _is_healed(connection, alert, now, figures))
    ]
    healed += _left_by_their_publishers(connection, stored, publishers)
    return begun, healed + _sample_of_healed_objects(connection, now)


def _left_by_their_publishers(
    connection: Connection, stored: Sequence[Alert], publishers: Sequence[str]
) -> Iterator[Alert]:
    """Yield the alerts of open breakers whose n8n has left the settings, or has another place there now."""
    standing = [alert for alert in stored if alert.kind == "breaker_open"]
    if standing:
        is_open = [breaker.read(connection, index).opened_at is not None for index in range(len(publishers))]
        present = {name for name, opened in zip(publishers, is_open, strict=True) if opened}
        yield from (alert for alert in standing if alert.subject not in present)


def _sample_of_healed_objects(connection: Connection, now: datetime) -> list[Alert]:
    """Return healed alerts about single accounts or posts. Of more than SAMPLE, a random part is looked at."""
    healed = []
    for kind in rules.PER_OBJECT:
        found = alerts.of_kind(connection, kind, SAMPLE)
        if len(found) == SAMPLE:
            found = alerts.of_kind(connection, kind, SAMPLE, new_id())
        healed += _healed_objects(connection, found, now)
    return healed


def _is_healed(connection: Connection, alert: Alert, now: datetime, figures: runs.SweepFigures | None) -> bool:
    """Return True if the cause is gone. Other kinds are cleared by the success of their own operation."""
    if alert.kind in ENDED_BY_A_SEND:
        return alert_queries.accepted_since(connection, alert.last_at)
    if alert.kind == "message_service_beyond_horizon":  # each sweep arms the unarmed again and would have renewed it
        return figures is not None and figures.last_status == "ok" and figures.last_run_at > alert.last_at
    if alert.kind == rules.OVERLOADED:  # its process clears it, or has ended
        return now - alert.last_at > rules.OVERLOADED_LASTS
    return alert.kind in rules.REFUSED and now - alert.last_at > rules.REFUSAL_ALERT_LIFETIME


def _derived(
    connection: Connection, now: datetime, figures: runs.SweepFigures | None, seen: Symptoms, with_messages: bool
) -> Iterator[Alert]:
    for alert in (
        _no_sweep(connection, now, figures),
        _stale_claims(seen.stale_claims),
        _missing_reports(connection, now, seen.stale_claims),
        _lateness(connection, now, seen),
        _alert("posts_overdue", seen.overdue) if seen.overdue is not None else None,
        _missing_deliveries(seen.swept) if with_messages else None,
    ):
        if alert is not None:
            yield alert


def _no_sweep(connection: Connection, now: datetime, figures: runs.SweepFigures | None) -> Alert | None:
    """Return the alert of a missing sweep. The time counts from the last sweep, else from the first post."""
    since = figures.last_run_at if figures else alert_queries.first_transition_at(connection)
    if since is None or now - since <= rules.NO_SWEEP_AFTER:
        return None
    return _alert("no_sweep", Occurrences((now - since) // rules.NO_SWEEP_AFTER, since, now))


def _stale_claims(seen: Occurrences | None) -> Alert | None:
    return _alert("stale_claims", seen) if seen is not None and seen.count > rules.TOLERATED_STALE_CLAIMS else None


def _missing_deliveries(seen: Occurrences | None) -> Alert | None:
    """Return the alert of posts sent by the sweep, because their messages did not arrive."""
    return _alert("deliveries_missing", seen) if seen is not None and seen.count > rules.TOLERATED_SWEPT else None


def _missing_reports(connection: Connection, now: datetime, ended: Occurrences | None) -> Alert | None:
    """Look for missing reports only where enough leases ended within the same hour."""
    if ended is None or ended.count < rules.MIN_MISSING_REPORTS:
        return None
    missing = missing_reports(connection, now)
    return _alert("reports_missing", Occurrences(len(missing), missing[-1], missing[0])) if missing else None


def _lateness(connection: Connection, now: datetime, seen: Symptoms) -> Alert | None:
    """Compare the last hour's late percentile with the days before. Both are read only after a late hour."""
    if seen.recent < rules.MIN_LATENESS_SAMPLES or seen.recent - seen.recent_late >= _rank(seen.recent):
        return None
    began = now - rules.LATENESS_WINDOW
    recent = alert_queries.lateness_since(connection, began)
    if len(recent) < rules.MIN_LATENESS_SAMPLES:
        return None
    late_ms = sorted(ms for _, ms in recent)[_rank(len(recent)) - 1]
    if late_ms <= rules.MIN_ALERT_LATENESS_MS:
        return None
    usual_ms = max(late_ms / rules.LATENESS_FACTOR, rules.MIN_ALERT_LATENESS_MS)
    count, share = alert_queries.share_late(connection, now - rules.LATENESS_BASELINE, began, usual_ms)
    if count < rules.MIN_LATENESS_SAMPLES or share > 1 - rules.LATENESS_PERCENTILE:
        return None
    instants = [at for at, ms in recent if ms > usual_ms]
    return _alert("lateness_unusual", Occurrences(len(instants), instants[-1], instants[0]))


def _rank(number: int) -> int:
    """Return the rank of the late percentile among so many attempts."""
    return math.ceil(rules.LATENESS_PERCENTILE * number)


def _alert(kind: str, seen: Occurrences) -> Alert:
    return Alert(kind, "scheduler", seen.first, seen.last, seen.count, CURES[kind])
