"""Read the figures of a scrape: those of the installation from the database, and those of this process.

Invariant: the cost is bounded for any number of posts, and nothing here names a user or a post.
"""

from __future__ import annotations

import sys
import threading
import tracemalloc
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.alarms import armed_horizon
from app.deps import Deps
from app.domain.alerts import CURES
from app.domain.metrics import Figures, settled_after
from app.operations.alert_rules import current_alerts
from app.store.operations import attempt_totals, call_counts, scheduler_state, service_figures, statistics
from app.store.operations.runs import SweepFigures
from app.store.operations.service_figures import PoolFigures, WebhookFigures
from app.store.operations.statistics import Statistics


@dataclass(frozen=True, slots=True)
class Lane:
    """One n8n: its name, whether its breaker is open, the posts in flight to it and their bound."""

    name: str
    is_open: bool
    in_flight: int
    most: int


@dataclass(frozen=True, slots=True)
class Installation:
    """The figures of all processes together, as the database has them."""

    now: datetime
    posts: Statistics
    sweep: SweepFigures | None
    lanes: tuple[Lane, ...]
    is_paused: bool
    alerts: frozenset[str]
    webhooks: WebhookFigures
    attempts: Figures = field(default_factory=dict)
    calls: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Process:
    """The figures of the process that answers the scrape. `lead` is in seconds, None before it was measured.

    `blocks` are Python's allocated blocks of memory, and `heap_bytes` their size, None unless PYTHONTRACEMALLOC is set.
    """

    pool: PoolFigures
    waiting: int
    most_waiting: int
    lead: float | None
    threads: int
    blocks: int
    heap_bytes: int | None


def read_installation(deps: Deps) -> Installation:
    """Read the figures, and move the counters of attempts on. Raises: Unavailable."""
    if deps.call_counts is not None:
        deps.call_counts.flush()
    s, now = deps.settings, deps.clock.now()
    attempts = attempt_totals.advance(deps.db, now, settled_after(s.publish_lease_seconds, s.n8n_timeout_seconds))
    overdue_before = now - timedelta(seconds=s.sweep_grace_seconds)
    with deps.db.reading() as connection:
        state = scheduler_state.read(connection, len(deps.publishers) or 1)
        bounds = {"now": now, "overdue_before": overdue_before, "horizon": armed_horizon(deps)}
        posts = statistics.of_posts(connection, state.counted, **bounds)
        with_messages = deps.messages is not None
        alerts = current_alerts(connection, now, state.figures, posts.symptoms, with_messages=with_messages)
        webhooks = service_figures.of_webhooks(connection)
        calls = call_counts.read(connection)
    kinds = frozenset(alert.kind for alert in alerts if alert.kind in CURES)
    return Installation(
        now, posts, state.figures, _lanes(deps, state, now), state.pause is not None, kinds, webhooks, attempts, calls
    )


def read_process(deps: Deps) -> Process:
    most = deps.settings.dispatch_max_waiting
    waiting = most - deps.seats.free if deps.seats is not None else 0
    lead = deps.settings.dispatch_lead_seconds or deps.lead.seconds
    heap = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else None
    pool, threads = service_figures.of_pool(deps.db.engine), threading.active_count()
    return Process(pool, waiting, most, lead, threads, sys.getallocatedblocks(), heap)


def _lanes(deps: Deps, state: scheduler_state.SchedulerState, now: datetime) -> tuple[Lane, ...]:
    rows = zip(deps.settings.n8n_names, state.breakers, state.in_flight, deps.in_flight.lanes, strict=True)
    return tuple(
        Lane(
            name,
            circuit.opened_at is not None,
            max(sum(holder.in_flight for holder in shares.live(now).values()), len(ours)),
            ours.window.fixed or int(shares.size or ours.window.size),
        )
        for name, circuit, shares, ours in rows
    )
