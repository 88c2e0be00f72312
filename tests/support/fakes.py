"""Fakes of the clock and of the outside services. They record their calls.

Each can fail as the real service does, and can run a test's callback in the middle of a call.
Invariant: no fake replaces the database.
"""

import itertools
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.ports import Alarm, MessageServiceError, Reply, Submission

START = datetime(2030, 1, 7, 12, 0, 0, tzinfo=UTC)
WELL_FORMED = re.compile(r"[A-Za-z0-9_-]+")


class FakeClock:
    """A clock that moves only by `set`, `advance` or a sleep. `during_sleep` runs at the start of a sleep."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self.slept_until: list[datetime] = []
        self.during_sleep: Callable[[], Any] | None = None
        self.wakes_early = False
        self.now_calls = 0

    def now(self) -> datetime:
        self.now_calls += 1
        return self._now

    def sleep_until(self, instant: datetime) -> None:
        self.slept_until.append(instant)
        if self.during_sleep is not None:
            self.during_sleep()
        if not self.wakes_early:
            self._now = max(self._now, instant)

    def set(self, instant: datetime) -> None:
        self._now = instant

    def advance(self, **duration: float) -> datetime:
        self._now += timedelta(**duration)
        return self._now


@dataclass
class FakeMessages:
    """QStash.

    `publish_error`: refuse each message with this error code. `error_after_publish`: take the message and raise this
    code all the same, as if the answer was lost. `during_publish` runs after the message is taken, before the answer.
    Alarms for the end of a lease are recorded in `lease_alarms` alone. `delivered` is the log of deliveries by message
    id, `looked_up` the questions about it, and `log_error` refuses them.
    """

    publish_error: str | None = None
    error_after_publish: str | None = None
    cancel_error: str | None = None
    refused_posts: set[str] = field(default_factory=set)
    during_publish: Callable[[Alarm, str], Any] | None = None
    published: list[Alarm] = field(default_factory=list)
    batches: list[list[Alarm]] = field(default_factory=list)
    pending: dict[str, Alarm] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    lease_alarms: list[Alarm] = field(default_factory=list)
    delivered: dict[str, datetime] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    log_error: str | None = None

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)

    def publish(self, alarm: Alarm) -> str:
        if alarm.lease_of is not None:
            return self._take_lease_alarm(alarm)
        self.published.append(alarm)
        if self.publish_error is not None or alarm.post_id in self.refused_posts:
            raise MessageServiceError(self.publish_error or "refused", "simulated refusal")
        message_id = f"msg_{next(self._numbers)}"
        self.pending[message_id] = alarm
        if self.during_publish is not None:
            self.during_publish(alarm, message_id)
        if self.error_after_publish is not None:
            raise MessageServiceError(self.error_after_publish, "simulated lost answer")
        return message_id

    def publish_batch(self, alarms: Sequence[Alarm]) -> list[str | MessageServiceError]:
        if not any(alarm.lease_of is not None for alarm in alarms):
            self.batches.append(list(alarms))
        return [self._taken(alarm) for alarm in alarms]

    def _take_lease_alarm(self, alarm: Alarm) -> str:
        if self.publish_error is not None:
            raise MessageServiceError(self.publish_error, "simulated refusal")
        self.lease_alarms.append(alarm)
        return f"lease_{len(self.lease_alarms)}"

    def _taken(self, alarm: Alarm) -> str | MessageServiceError:
        try:
            return self.publish(alarm)
        except MessageServiceError as error:
            return error

    def cancel(self, message_id: str) -> bool:
        if not WELL_FORMED.fullmatch(message_id):
            raise ValueError(f"not a message id: {message_id!r}")
        if self.cancel_error is not None:
            raise MessageServiceError(self.cancel_error, "simulated cancel failure")
        self.cancelled.append(message_id)
        return self.pending.pop(message_id, None) is not None

    def cancel_batch(self, message_ids: Sequence[str]) -> None:
        for message_id in message_ids:
            self.cancel(message_id)

    def delivered_at(self, message_id: str) -> datetime | None:
        self.looked_up.append(message_id)
        if self.log_error is not None:
            raise MessageServiceError(self.log_error, "simulated log failure")
        return self.delivered.get(message_id)

    def cancelled_since(self, instant: datetime) -> set[str]:
        if self.log_error is not None:
            raise MessageServiceError(self.log_error, "simulated log failure")
        return set(self.cancelled)

    def check(self) -> str | None:
        return None


Answer = Reply | Callable[[Submission], Reply]


class FakePublisher:
    """n8n. Sends the scripted answers in order, then `default_reply`."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._script: deque[Answer] = deque()
        self._lock = threading.Lock()
        self.submissions: list[Submission] = []
        self.default_reply: Reply = answered(200)
        self.during_send: Callable[[Submission], Any] | None = None
        self.warmed = self.max_warm_count = 0

    def answers(self, *script: Answer) -> None:
        self._script.extend(script)

    def send(self, submission: Submission) -> Reply:
        with self._lock:
            self.submissions.append(submission)
            answer = self._script.popleft() if self._script else self.default_reply
        sent_at = self._clock.now()
        if self.during_send is not None:
            self.during_send(submission)
        reply = answer(submission) if callable(answer) else answer
        return replace(reply, sent_at=sent_at) if reply.sent_at == UNSET else reply

    def warm(self, count: int = 1) -> None:
        self.warmed += 1
        self.max_warm_count = max(self.max_warm_count, count)

    def check(self) -> str | None:
        return None


def urn_at(instant: datetime, kind: str = "share") -> str:
    """Return a URN as LinkedIn would give it to a post created at `instant`."""
    return f"urn:li:{kind}:{round(instant.timestamp() * 1000) << 22}"


UNSET = datetime.max.replace(tzinfo=UTC)  # a placeholder: the publisher replaces it with the instant of the send


def answered(status: int, *, retry_after: str | None = None, body: str = "", sent_at: datetime = UNSET) -> Reply:
    return Reply("answered", sent_at, status, retry_after, body)


def not_sent(error: str = "connection refused") -> Reply:
    return Reply("not_sent", UNSET, error=error)


def unknown(error: str = "read timed out") -> Reply:
    return Reply("unknown", UNSET, error=error)


class FakeVault:
    """Seals with a readable prefix, so a test can tell sealed from unsealed values."""

    SEAL = "sealed:"

    def encrypt(self, secret: str, field: str) -> str:
        return self.SEAL + secret

    def is_current(self, stored: str, field: str) -> bool:
        return bool(self.decrypt(stored, field))

    def decrypt(self, stored: str, field: str) -> str:
        if stored == "poison":
            raise RuntimeError("simulated: a row that cannot be processed")
        if not stored.startswith(self.SEAL):
            raise ValueError("no key opens this")
        return stored.removeprefix(self.SEAL)
