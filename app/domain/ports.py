"""What the use cases need from the outside, as Protocols and the values that cross them.

Adapters implement these; tests and the simulation bring their own. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


class Clock(Protocol):
    """The one source of time. `now` is aware UTC; `sleep_until` never returns before `instant` on that same clock."""

    def now(self) -> datetime: ...

    def sleep_until(self, instant: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Alarm:
    """One delayed message to our own dispatch route. `not_before` is unix seconds, whole, as QStash knows them."""

    post_id: str
    user_id: str
    generation: int
    arm_count: int
    not_before: int


class MessageServiceError(Exception):
    """The message service did not take (or may not have taken) a message; `code` is stable, the text for operators.

    Codes: unreachable, unauthorized, quota_exceeded, rate_limited, beyond_horizon, refused, broken_answer.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class MessageService(Protocol):
    """QStash, or what stands in for it. Every call is bounded in time."""

    def publish(self, alarm: Alarm) -> str:
        """Hand over one alarm and return its message id. Raises MessageServiceError."""
        ...

    def publish_batch(self, alarms: Sequence[Alarm]) -> list[str | MessageServiceError]:
        """Hand over many (any number; sent 100 at a time), answering in order; one bad item never sinks the others."""
        ...

    def cancel(self, message_id: str) -> bool:
        """Disarm, as a courtesy; True when it was still pending. Raises MessageServiceError, ValueError (bad id)."""
        ...

    def check(self) -> str | None:
        """None when the service answers and takes our token, else a sentence for operators."""
        ...


@dataclass(frozen=True, slots=True)
class Submission:
    """What n8n is sent for one attempt: the fields its workflow has always had, and the extra ones."""

    post_id: str
    user_id: str
    access_token: str
    person_urn: str
    content: str
    image_url: str | None
    platform: str
    post_type: str
    media: tuple[dict[str, str], ...]
    scheduled_at: datetime
    attempt: int
    idempotency_key: str
    callback_url: str | None
    claim_url: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one send. `answered`: an HTTP status came back; `not_sent`: nothing left this machine;
    `unknown`: the request may have arrived (read timeout, connection lost after the request was written)."""

    kind: Literal["answered", "not_sent", "unknown"]
    sent_at: datetime
    status: int | None = None
    retry_after: str | None = None
    body: str = ""
    error: str = ""


class Publisher(Protocol):
    """n8n. One send is one HTTP request, never repeated by the adapter."""

    def send(self, submission: Submission) -> Reply:
        """Send once; never raises for anything the network does."""
        ...

    def warm(self, count: int = 1) -> None:
        """Open connections ahead of the instant, so that no send pays for one. Never raises."""
        ...

    def check(self) -> str | None:
        """None when n8n can be reached, else a sentence for operators. Sends no post."""
        ...


MediaVerdict = Literal["fine", "gone", "not_public", "unknown"]


class MediaCheck(Protocol):
    """A look at media where they lie, with nothing fetched."""

    def look(self, urls: Sequence[str], seconds: float) -> list[MediaVerdict]:
        """One verdict for each URL, in order, within `seconds`. `gone`: the host says so; `not_public`: its address, or
        one it redirects to, is not everybody's; `unknown`: whatever does not tell. Never raises."""
        ...


class Vault(Protocol):
    """Encryption at rest for account tokens."""

    def encrypt(self, secret: str) -> str: ...

    def decrypt(self, stored: str) -> str:
        """Raises ValueError when no configured key opens it."""
        ...
