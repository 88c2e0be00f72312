"""What truly happened, beside what the database says: claims, sends, copies, answers that were given.

The rules compare the two. Nothing here is visible to the app.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

COLUMNS = (
    "id, status, platform, scheduled_at, next_attempt_at, lease_until, sending_at, generation, attempt, retry_count, "
    "arm_count, message_id, error_code, external_post_id, published_at, lateness_ms, social_account_id, content"
)


class Row(NamedTuple):
    """One row of `posts` as SQLite holds it; instants are text that sorts by time."""

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


class Account(NamedTuple):
    """One row of `social_accounts`; the token as it was before it was sealed."""

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
    """Who took a post in hand, for which generation, when by its own clock, and which generation it was sent for."""

    generation: int
    at: str
    instance: int


@dataclass(slots=True)
class Send:
    """One call of the publisher; `own_clock` is the sender's, `now` is true time in µs."""

    post_id: str
    attempt: int
    generation: int
    now: int
    own_clock: datetime
    token: str


@dataclass(slots=True)
class Copy:
    """One post as the platform's readers see it."""

    urn: str
    post_id: str
    attempt: int
    account: str
    platform: str
    text: str


@dataclass(slots=True)
class Violation:
    rule: str
    text: str
    now: int


@dataclass(slots=True)
class Facts:
    """`called_off`: the generation up to which the author was told that nothing is sent. `forced`: the attempt up to
    which an operator took it upon themselves that a post may be out already. `lost`: messages
    whose failure was called back."""

    rows: dict[str, Row] = field(default_factory=dict)
    history: dict[str, tuple[str | None, int, int]] = field(default_factory=dict)
    claims: dict[tuple[str, int], Claim] = field(default_factory=dict)
    sends: list[Send] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    called_off: dict[str, int] = field(default_factory=dict)
    forced: dict[str, int] = field(default_factory=dict)
    out_after_cancel: list[Copy] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    executions: Counter[tuple[str, int]] = field(default_factory=Counter)
    accounts: dict[str, Account] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    story: list[tuple[int, str, str, Row | None]] = field(default_factory=list)


def stamp(instant: datetime) -> str:
    """An instant as SQLite holds it."""
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f")


def key(post_id: str) -> str:
    """A post's id as SQLite holds it."""
    return post_id.replace("-", "")
