"""The ground truth of a simulation: claims, sends, published copies and answers.

The rules compare it with the database. Invariant: the app never reads it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

COLUMNS = (
    "id, status, platform, scheduled_at, next_attempt_at, lease_until, sending_at, generation, attempt, retry_count, "
    "arm_count, message_id, error_code, external_post_id, published_at, lateness_ms, social_account_id, content, media"
)
OWN_POST = "by hand"  # in place of a post's id: the author published this copy, without Punctual


class Row(NamedTuple):
    """One row of `posts` as SQLite stores it. Instants are text, in an order that equals time."""

    id: str
    status: str
    platform: str
    scheduled_at: str | None
    next_attempt_at: str | None
    lease_until: str | None
    sending_at: str | None
    generation: int
    attempt: int
    retry_count: int
    arm_count: int
    message_id: str | None
    error_code: str | None
    external_post_id: str | None
    published_at: str | None
    lateness_ms: float | None
    social_account_id: str | None
    content: str
    media: str


class Account(NamedTuple):
    """One row of `social_accounts`, with the token in clear."""

    id: str
    status: str
    token: str
    external_id: str


class Step(NamedTuple):
    """One row of `transitions`."""

    id: int
    post_id: str
    at: str
    before: str | None
    after: str
    reason: str
    actor: str
    generation: int
    attempt: int


@dataclass(slots=True)
class Claim:
    """One claim: its generation, its instant by the instance's clock, the instance, and if its clock is ahead."""

    generation: int
    at: str
    instance: int
    clock_ahead: bool = False


@dataclass(slots=True)
class Send:
    """One call of the publisher. `own_clock` is the sender's time, `now` the true time in µs."""

    post_id: str
    attempt: int
    generation: int
    now: int
    own_clock: datetime
    token: str
    text: str


@dataclass(slots=True)
class Copy:
    """One public copy, as the platform's readers see it.

    `at` is the true instant when it became public, `called_at` that of Punctual's call for it, both in µs.
    """

    urn: str
    post_id: str
    attempt: int
    account: str
    platform: str
    text: str
    at: int
    called_at: int


@dataclass(slots=True)
class Violation:
    rule: str
    text: str
    now: int


@dataclass(slots=True)
class Facts:
    """All facts of one seed.

    `cancelled`: by post, the generations answered as unscheduled or cancelled, with the instants in µs. `forced`: by
    post, the last attempt for which an operator accepted a possible second copy. `lost`: messages with a failure
    callback. `promised`: the chosen instant by post and generation. `absent`: attempts that an answer or a report
    proved unpublished. `granted`: attempts with a granted claim. `misnamed`: posts with a report that named
    no attempt, or one that was never made. `causes`: by post, the meanings of all failures that
    Punctual was given. `excused`: second copies by the reason why Punctual could not prevent them. `groups`: claims of
    a gate by the size of their group. `holds`: sleeps of a held claim. `deaths`: of gates, by thread and step.
    `shares`: duplicates, withdrawn seats, extra senders and groups of several owners at the gates. `begun`: by post,
    the true instant in µs of the first send that Punctual noted as begun.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    history: dict[str, tuple[str | None, int, int]] = field(default_factory=dict)
    claims: dict[tuple[str, int], Claim] = field(default_factory=dict)
    sends: list[Send] = field(default_factory=list)
    begun: dict[str, int] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    cancelled: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    forced: dict[str, int] = field(default_factory=dict)
    copies_after_cancel: list[Copy] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    promised: dict[tuple[str, int], str] = field(default_factory=dict)
    absent: set[tuple[str, int]] = field(default_factory=set)
    granted: set[tuple[str, int]] = field(default_factory=set)
    misnamed: set[str] = field(default_factory=set)
    causes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    excused: Counter[str] = field(default_factory=Counter)
    executions: Counter[tuple[str, int]] = field(default_factory=Counter)
    accounts: dict[str, Account] = field(default_factory=dict)
    groups: Counter[int] = field(default_factory=Counter)
    holds: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    shares: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    events: list[tuple[int, str, str, Row | None]] = field(default_factory=list)


def stamp(instant: datetime) -> str:
    """Format an instant as SQLite stores it."""
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f")


def key(post_id: str) -> str:
    """Format a post id as SQLite stores it."""
    return post_id.replace("-", "")
