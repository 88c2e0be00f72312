"""Collects the facts of a run: n8n's ledger, the networks' feeds on disk, and the database rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2

from app.local.n8n.journal import Journal
from app.local.n8n.ledger import Ledger
from app.local.n8n.social_networks import SocialNetworks


@dataclass(frozen=True)
class Arrival:
    """One request at n8n. `urn` names the copy it made, None if it made none."""

    post_id: str
    attempt: int | None
    at: float
    action: str = "accept"
    urn: str | None = None
    reports: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Copy:
    """One published copy, as readers of the network see it."""

    post_id: str
    at: float
    urn: str = ""


@dataclass(frozen=True)
class Attempt:
    number: int
    trigger: str = "message"
    outcome: str | None = None
    http_status: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class Transition:
    at: float
    before: str | None
    after: str
    reason: str
    attempt: int = 0
    generation: int = 0


@dataclass
class Case:
    """All facts about one post. `status` None means no row in the database."""

    status: str | None = None
    error_code: str | None = None
    published_at: float | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)


def gather(n8n_data: Path, database_url: str, post_ids: Iterable[str]) -> dict[str, Case]:
    """Build one case per post id, also for ids known only to n8n or the database."""
    cases = {post_id: Case() for post_id in post_ids}
    for entry in Ledger(Journal(n8n_data / "ledger.jsonl")).entries():
        arrival = Arrival(
            entry.post_id, entry.attempt, entry.received_ns / 1e9, entry.action, entry.urn, tuple(entry.reports)
        )
        cases.setdefault(entry.post_id, Case()).arrivals.append(arrival)
    for copy in SocialNetworks(Journal(n8n_data / "published.jsonl")).copies():
        cases.setdefault(copy.post_id, Case()).copies.append(Copy(copy.post_id, copy.published_ns / 1e9, copy.urn))
    _add_rows(cases, database_url)
    for case in cases.values():
        case.arrivals.sort(key=lambda arrival: arrival.at)
    return cases


def _add_rows(cases: dict[str, Case], database_url: str) -> None:
    for post_id, status, code, published_at in select(
        database_url, "SELECT id::text, status, error_code, published_at FROM posts"
    ):
        case = cases.setdefault(post_id, Case())
        case.status, case.error_code = status, code
        case.published_at = published_at.timestamp() if published_at else None
    for post_id, *fields in select(
        database_url,
        "SELECT post_id::text, attempt, trigger, outcome, http_status, error FROM attempts ORDER BY attempt",
    ):
        cases[post_id].attempts.append(Attempt(*fields))
    for post_id, at, *rest in select(
        database_url,
        "SELECT post_id::text, at, from_status, to_status, reason, attempt, generation FROM transitions ORDER BY id",
    ):
        cases[post_id].transitions.append(Transition(_seconds(at), *rest))


def select(database_url: str, statement: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(database_url, connect_timeout=5)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()
    finally:
        connection.close()


def _seconds(at: datetime) -> float:
    return at.timestamp()
