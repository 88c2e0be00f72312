"""Arm and disarm delayed messages in QStash, through its SDK.

Invariant: every call has a time limit, and every failure is a MessageServiceError with a stable code.
"""

from __future__ import annotations

import json
import math
import re
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.adapters.qstash_errors import advice, translate
from app.domain.keys import deduplication_id
from app.domain.ports import Alarm, MessageServiceError
from app.settings.values import Settings

if TYPE_CHECKING:
    from app.adapters.qstash_client import QStashClient

BATCH_SIZE = 100
MAX_SPLITS = 32  # extra calls per publish_batch in search of the items that QStash refuses
SPLITTABLE = ("refused", "beyond_horizon")  # one item can cause these, other codes concern all items
MAX_LOG_PAGES = 10  # of 1,000 events
Event = tuple[str, str, datetime]  # message id, state, instant
MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")  # of the column's length


def secret_headers(settings: Settings) -> dict[str, str]:
    """Return the secret headers of a delivery. QStash sends them to Punctual, and n8n never gets them."""
    secrets = {
        "X-Internal-Secret": settings.internal_api_secret,
        "x-vercel-protection-bypass": settings.vercel_automation_bypass_secret,
    }
    return {name: value for name, value in secrets.items() if value is not None}


class QStashMessages:
    """An implementation of ports.MessageService, safe for many threads.

    The HTTP client is created at first use.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.qstash_token is None:
            raise ValueError("QSTASH_TOKEN is not set: without it Punctual runs in poll mode")
        self._settings = settings
        self._token = settings.qstash_token
        self._lock = threading.Lock()
        self._client: QStashClient | None = None

    def publish(self, alarm: Alarm) -> str:
        request = self._request(alarm)
        return _message_id(self._call(lambda client: client.message.publish(**request)))

    def publish_batch(self, alarms: Sequence[Alarm]) -> list[str | MessageServiceError]:
        """Publish in batches of BATCH_SIZE, and isolate refused items.

        QStash refuses a whole batch for one bad item. A refused batch is split in halves, at most MAX_SPLITS times.
        Returns a message id or an error for each alarm, in order. A failure of the service itself ends the calls.
        """
        answers: dict[int, str | MessageServiceError] = {}
        pending = deque(
            range(start, min(start + BATCH_SIZE, len(alarms))) for start in range(0, len(alarms), BATCH_SIZE)
        )
        splits = 0
        while pending:
            part = pending.popleft()
            try:
                answers.update(zip(part, self._send_batch([alarms[i] for i in part]), strict=True))
            except MessageServiceError as error:
                if error.code in SPLITTABLE and len(part) > 1 and splits < MAX_SPLITS:
                    splits += 1
                    middle = len(part) // 2
                    pending.extendleft((part[middle:], part[:middle]))
                    continue
                answers.update(dict.fromkeys(part, error))
                if error.code not in SPLITTABLE and error.code != "broken_answer":
                    answers.update(dict.fromkeys((i for rest in pending for i in rest), error))
                    break
        return [answers[i] for i in range(len(alarms))]

    def cancel(self, message_id: str) -> bool:
        """Cancel a pending message. Returns False if QStash does not have it.

        Raises: ValueError for a malformed id, MessageServiceError when the call fails.
        """
        _check_id(message_id)  # "" and "." would call the route for cancelling all messages
        try:
            self._call(lambda client: client.message.cancel(message_id))
        except MessageServiceError as error:
            if error.detail.startswith("404"):
                return False
            raise
        return True

    def cancel_batch(self, message_ids: Sequence[str]) -> None:
        """Cancel messages in batches of BATCH_SIZE. Without ids there is no call: QStash would cancel all messages.

        Raises: ValueError for a malformed id, MessageServiceError when a call fails.
        """
        for message_id in message_ids:
            _check_id(message_id)
        for start in range(0, len(message_ids), BATCH_SIZE):
            self._cancel_some(list(message_ids[start : start + BATCH_SIZE]))

    def _cancel_some(self, message_ids: list[str]) -> None:
        self._call(lambda client: client.message.cancel_many(message_ids))

    def delivered_at(self, message_id: str) -> datetime | None:
        """Look in the service's log for a delivery that we acknowledged.

        Raises: ValueError for a malformed id, MessageServiceError when the call fails.
        """
        _check_id(message_id)
        events, _ = self._events({"messageId": message_id, "state": "DELIVERED", "count": "1"})
        found = [at for named, state, at in events if (named, state) == (message_id, "DELIVERED")]
        return found[0] if found else None

    def cancelled_since(self, instant: datetime) -> set[str]:
        """Read the service's log of cancelled messages, newest first, in at most MAX_LOG_PAGES pages."""
        query = {"state": "CANCELED", "fromDate": str(math.floor(instant.timestamp() * 1000)), "count": "1000"}
        found: set[str] = set()
        for _ in range(MAX_LOG_PAGES):
            events, cursor = self._events(query)
            found |= {named for named, state, _ in events if state == "CANCELED"}
            if cursor is None:
                break
            query["cursor"] = cursor
        return found

    def _events(self, query: dict[str, str]) -> tuple[list[Event], str | None]:
        """Read one page of the log: its events and the next page's cursor. The SDK's log API prints to stdout."""
        return _parse_events(self._call(lambda client: client.request(path="/v2/events", method="GET", params=query)))

    def check(self) -> str | None:
        """Compare our signing keys with QStash's. Returns an operator's advice, None if all is well."""
        try:
            keys = self._call(lambda client: client.signing_key.get())
        except MessageServiceError as error:
            return advice(error, self._settings.qstash_url)
        ours = (self._settings.qstash_current_signing_key, self._settings.qstash_next_signing_key)
        if keys.current in ours:
            return None
        return (
            "QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY are not this QStash account's: "
            "every delivery would be refused. Copy both keys again from the QStash console"
        )

    def _send_batch(self, alarms: list[Alarm]) -> list[str | MessageServiceError]:
        requests: Any = [self._request(alarm) for alarm in alarms]
        answers = self._call(lambda client: client.message.batch(requests))
        if len(answers) != len(alarms):
            raise MessageServiceError("broken_answer", f"{len(answers)} answers to {len(alarms)} messages")
        return [_message_id_or_error(answer) for answer in answers]

    def _request(self, alarm: Alarm) -> dict[str, Any]:
        """Build one message for the SDK's `publish` and `batch`. The body is a str: the SDK drops options of a dict."""
        s = self._settings
        body: dict[str, Any] = {"postId": alarm.post_id, "userId": alarm.user_id, "generation": alarm.generation}
        body["notBefore"] = int(alarm.not_before)
        if alarm.lease_of is not None:
            body |= {"kind": "lease", "attempt": alarm.lease_of}
        if alarm.armed_at is not None:
            body["armedAt"] = math.floor(alarm.armed_at.timestamp() * 1000)
        request: dict[str, Any] = {
            "url": s.dispatch_url,
            "body": json.dumps(body, separators=(",", ":")),
            "content_type": "application/json",
            "not_before": int(alarm.not_before),
            "retries": s.qstash_retries,
            "timeout": f"{s.message_timeout_seconds}s",
            "failure_callback": s.dispatch_failed_url,
            "deduplication_id": deduplication_id(alarm),
            "label": f"post-{alarm.post_id}",
        }
        if secrets := secret_headers(s):
            request["headers"] = dict(secrets)
            request["failure_callback_headers"] = {f"Forward-{name}": value for name, value in secrets.items()}
        if s.n8n_parallelism is not None:
            request["flow_control"] = {"key": "punctual-n8n", "parallelism": s.n8n_parallelism}
        return request

    def _call(self, operation: Callable[[QStashClient], Any]) -> Any:
        try:
            return operation(self._sdk_client())
        except Exception as error:  # the SDK raises QStashError, httpx's errors, JSON's, KeyError and TypeError
            raise translate(error, [self._token, *secret_headers(self._settings).values()]) from None

    def _sdk_client(self) -> QStashClient:
        with self._lock:
            if self._client is None:
                from app.adapters.qstash_client import QStashClient  # 0.3 s of a cold start, and deliveries need none

                s = self._settings
                self._client = QStashClient(self._token, s.qstash_url, s.qstash_timeout_seconds)
                weakref.finalize(self, self._client.close)
            return self._client


def _check_id(message_id: str) -> None:
    if not MESSAGE_ID.fullmatch(message_id):
        raise ValueError(f"not a message id: {message_id[:100]!r}")


def _parse_events(answer: Any) -> tuple[list[Event], str | None]:
    try:
        events = [
            (str(event["messageId"]), str(event["state"]), datetime.fromtimestamp(event["time"] / 1000, UTC))
            for event in answer["events"]
        ]
        return events, answer.get("cursor") or None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise MessageServiceError("broken_answer", f"the answer is no list of events: {type(error).__name__}") from None


def _message_id(answer: Any) -> str:
    message_id = getattr(answer, "message_id", None)
    if not isinstance(message_id, str) or not MESSAGE_ID.fullmatch(message_id):
        raise MessageServiceError("broken_answer", "the answer names no message id")
    return message_id


def _message_id_or_error(answer: Any) -> str | MessageServiceError:
    try:
        return _message_id(answer)
    except MessageServiceError as error:
        return error
