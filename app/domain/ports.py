"""The interfaces to the outside services, as Protocols, and the values that they exchange.

Adapters implement these Protocols. Tests and the simulation have implementations of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

SWEEP_SCHEDULE_ID = "punctual-recover"  # the usual name of the sweep's schedule


class Clock(Protocol):
    """The only source of time. `now` is aware UTC.

    `sleep_until` never returns before `instant` on the same clock.
    """

    def now(self) -> datetime: ...

    def sleep_until(self, instant: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Alarm:
    """One delayed message to our own dispatch route. `not_before` is in whole unix seconds, the unit of QStash.

    `lease_of` is an attempt: the alarm is for the end of its lease. None: the alarm is for the post's next attempt.
    `armed_at` is the instant of the publication by our clock, a witness outside the database.
    """

    post_id: str
    user_id: str
    generation: int
    arm_count: int
    not_before: int
    lease_of: int | None = None
    armed_at: datetime | None = None


class MessageServiceError(Exception):
    """The message service did not accept a message, or perhaps did not.

    `code` is stable: unreachable, unauthorized, quota_exceeded, rate_limited, beyond_horizon, refused or
    broken_answer. `detail` is for operators.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class MessageService(Protocol):
    """QStash or its stand-in. Every call is bounded in time."""

    def publish(self, alarm: Alarm) -> str:
        """Publish one alarm and return its message id.

        Raises: MessageServiceError when the service did not accept it, or perhaps did not.
        """
        ...

    def publish_batch(self, alarms: Sequence[Alarm]) -> list[str | MessageServiceError]:
        """Publish any number of alarms, 100 in each request.

        Returns a message id or an error for each alarm, in order. A bad alarm does not fail the others.
        """
        ...

    def cancel(self, message_id: str) -> bool:
        """Cancel a message. Returns True if it was still pending.

        Raises: MessageServiceError when the service does not confirm it. ValueError when the id is malformed.
        """
        ...

    def cancel_batch(self, message_ids: Sequence[str]) -> None:
        """Cancel any number of messages, 100 in each request. Unknown ones are left out.

        Raises: MessageServiceError at the first request that the service does not confirm. ValueError when an id is
        malformed, before any request.
        """
        ...

    def delivered_at(self, message_id: str) -> datetime | None:
        """Return the instant at which we acknowledged the message, None if we did not or the service forgot it.

        Raises: MessageServiceError. ValueError when the id is malformed.
        """
        ...

    def cancelled_since(self, instant: datetime) -> set[str]:
        """Return the ids of the messages cancelled since then, as far as the service's log goes back.

        Raises: MessageServiceError.
        """
        ...

    def check(self) -> str | None:
        """Return None if the service answers and accepts our token, else a sentence for operators."""
        ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """A repeated call by QStash: the address, the cron expression, and if it is paused.

    `secrets_match`: it carries the secret headers of the current settings, or QStash does not tell.
    """

    destination: str
    cron: str
    paused: bool
    secrets_match: bool = True


class Schedules(Protocol):
    """The schedules in QStash. Each method raises MessageServiceError when the service does not confirm it."""

    def read(self, schedule_id: str) -> Schedule | None: ...

    def write(self, schedule_id: str, destination: str, cron: str) -> None:
        """Create the schedule, or replace the one with this id."""
        ...

    def resume(self, schedule_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class MessageState:
    """The end of a delivery in the message service's log. `status` is the HTTP status of our answer, where known."""

    delivered: bool
    status: int | None


class MessageLog(Protocol):
    """The message service's log of deliveries."""

    def state_of(self, message_id: str) -> MessageState | None:
        """Return the state of a message, None while it was not delivered yet.

        Raises: MessageServiceError when the log cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """The answer of our public address. `status` is None without an answer, and `error` says why."""

    status: int | None
    proof: str | None
    location: str | None
    error: str = ""


class AddressProbe(Protocol):
    """A call of our own public address."""

    def ask(self, nonce: str) -> AddressAnswer:
        """Ask for the proof of `nonce`. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Submission:
    """The request to n8n for one attempt: the fields of the original workflow, and the extra ones."""

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
    """The result of one send.

    `answered`: an HTTP status came back. `not_sent`: nothing left this machine. `unknown`: the request may have
    arrived (read timeout, or connection lost after the request was written). `misconfigured`: nothing was sent, because
    the host's name does not resolve, its certificate does not verify, or the request cannot be built.
    """

    kind: Literal["answered", "not_sent", "unknown"]
    sent_at: datetime
    status: int | None = None
    retry_after: str | None = None
    body: str = ""
    error: str = ""
    misconfigured: bool = False


class Publisher(Protocol):
    """n8n. One send is one HTTP request, never repeated by the adapter."""

    def send(self, submission: Submission) -> Reply:
        """Send once. Never raises for a network error."""
        ...

    def warm(self, count: int = 1) -> None:
        """Open connections ahead of the instant, so no send waits for a handshake. Never raises."""
        ...

    def check(self) -> str | None:
        """Return None if n8n can be reached, else a sentence for operators. Sends no post."""
        ...


MediaVerdict = Literal["fine", "gone", "not_public", "unknown"]


class MediaCheck(Protocol):
    """A check of media URLs without a download."""

    def look(self, urls: Sequence[str], seconds: float) -> list[MediaVerdict]:
        """Return one verdict for each URL, in order, within `seconds`. Never raises.

        `gone`: the host answers that the file does not exist. `not_public`: the address, or the target of a redirect,
        is not public. `unknown`: all other answers, and none.
        """
        ...


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A media file as its host answers for it. A field is None where the host does not tell.

    `status` is of the host's answer. `size` is in bytes, `width` and `height` are an image's in pixels.
    """

    verdict: MediaVerdict
    status: int | None = None
    content_type: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None


class MediaFiles(Protocol):
    """A look at media files for authors: their types and sizes."""

    def inspect(self, urls: Sequence[str], seconds: float) -> list[FoundFile]:
        """Return one file for each URL, in order, within `seconds`. Never raises."""
        ...


class Vault(Protocol):
    """Encryption at rest for account tokens. `field` is a name of `app.domain.sealing`."""

    def encrypt(self, secret: str, field: str) -> str: ...

    def decrypt(self, stored: str, field: str) -> str:
        """Decrypt a stored secret.

        Raises: ValueError when no configured key decrypts it, or it was encrypted for another field.
        """
        ...

    def is_current(self, stored: str, field: str) -> bool:
        """Return True if encrypting the secret again would change neither its key nor its binding.

        Raises: ValueError like `decrypt`.
        """
        ...
