"""QStash through its SDK: every call bounded in time, every failure one exception with a stable code."""

from __future__ import annotations

import json
import math
import re
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from app.adapters.qstash_errors import advice, translate
from app.domain.ports import Alarm, MessageServiceError
from app.settings.values import Settings

if TYPE_CHECKING:
    from qstash import QStash

BATCH_SIZE = 100
MAX_SPLITS = 32  # calls spent per publish_batch on finding the items that make a batch be refused
TRIES = 2  # of one call; a lost answer is published again, which the deduplication id makes harmless
PAUSE_SECONDS = 0.1
DELIVERY_MARGIN_SECONDS = 30  # what a delivery may take beside waiting and n8n: a cold start, the database
SPLITTABLE = ("refused", "beyond_horizon")  # may be one item's fault; every other code concerns all of them
MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]+")


class QStashMessages:
    """ports.MessageService. Threads share one: the SDK's client, made at first use, is thread-safe."""

    def __init__(self, settings: Settings) -> None:
        if settings.qstash_token is None:
            raise ValueError("QSTASH_TOKEN is not set: without it Punctual runs in poll mode")
        self._settings = settings
        self._token = settings.qstash_token
        self._lock = threading.Lock()
        self._client: QStash | None = None

    def publish(self, alarm: Alarm) -> str:
        request = self._request(alarm)
        return _id_of(self._call(lambda sdk: sdk.message.publish(**request)))

    def publish_batch(self, alarms: Sequence[Alarm]) -> list[str | MessageServiceError]:
        """One bad item makes QStash refuse its whole batch, so a refused batch is halved until the bad one is alone."""
        answers: dict[int, str | MessageServiceError] = {}
        waiting = deque(
            range(start, min(start + BATCH_SIZE, len(alarms))) for start in range(0, len(alarms), BATCH_SIZE)
        )
        splits = 0
        while waiting:
            part = waiting.popleft()
            try:
                answers.update(zip(part, self._send_batch([alarms[i] for i in part]), strict=True))
            except MessageServiceError as error:
                if error.code in SPLITTABLE and len(part) > 1 and splits < MAX_SPLITS:
                    splits += 1
                    middle = len(part) // 2
                    waiting.extendleft((part[middle:], part[:middle]))
                    continue
                answers.update(dict.fromkeys(part, error))
                if error.code not in SPLITTABLE and error.code != "broken_answer":
                    answers.update(dict.fromkeys((i for rest in waiting for i in rest), error))
                    break
        return [answers[i] for i in range(len(alarms))]

    def cancel(self, message_id: str) -> bool:
        if not MESSAGE_ID.fullmatch(message_id):  # "" and "." would reach the route that cancels everything
            raise ValueError(f"not a message id: {message_id[:100]!r}")
        try:
            self._call(lambda sdk: sdk.message.cancel(message_id))
        except MessageServiceError as error:
            if error.detail.startswith("404"):
                return False
            raise
        return True

    def check(self) -> str | None:
        try:
            keys = self._call(lambda sdk: sdk.signing_key.get())
        except MessageServiceError as error:
            return advice(error, self._settings.qstash_url)
        ours = (self._settings.qstash_current_signing_key, self._settings.qstash_next_signing_key)
        if keys.current in ours:
            return None
        return (
            "QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY are not this QStash account's: "
            "every delivery would be refused; copy both keys anew from the QStash console"
        )

    def _send_batch(self, alarms: list[Alarm]) -> list[str | MessageServiceError]:
        requests: Any = [self._request(alarm) for alarm in alarms]
        answers = self._call(lambda sdk: sdk.message.batch(requests))
        if len(answers) != len(alarms):
            raise MessageServiceError("broken_answer", f"{len(answers)} answers to {len(alarms)} messages")
        return [_id_or_error(answer) for answer in answers]

    def _request(self, alarm: Alarm) -> dict[str, Any]:
        """One message as the SDK's `publish` and `batch` both take it. The body is a str: dicts lose options there."""
        s = self._settings
        body = {"postId": alarm.post_id, "userId": alarm.user_id, "generation": alarm.generation}
        seconds = s.dispatch_lead_seconds + s.n8n_timeout_seconds + DELIVERY_MARGIN_SECONDS
        request: dict[str, Any] = {
            "url": s.dispatch_url,
            "body": json.dumps(body, separators=(",", ":")),
            "content_type": "application/json",
            "not_before": int(alarm.not_before),
            "retries": s.qstash_retries,
            "timeout": f"{math.ceil(seconds)}s",
            "failure_callback": s.dispatch_failed_url,
            "deduplication_id": f"{alarm.post_id}-{alarm.generation}-{alarm.arm_count}",
            "label": f"post-{alarm.post_id}",
        }
        if secrets := self._forwarded():
            request["headers"] = dict(secrets)
            request["failure_callback_headers"] = {f"Forward-{name}": value for name, value in secrets.items()}
        if s.n8n_parallelism is not None:
            request["flow_control"] = {"key": "punctual-n8n", "parallelism": s.n8n_parallelism}
        return request

    def _forwarded(self) -> dict[str, str]:
        """Headers that QStash brings along: to us only, and never on to n8n."""
        secrets = {
            "X-Internal-Secret": self._settings.internal_api_secret,
            "x-vercel-protection-bypass": self._settings.vercel_automation_bypass_secret,
        }
        return {name: value for name, value in secrets.items() if value is not None}

    def _call(self, operation: Callable[[QStash], Any]) -> Any:
        try:
            return operation(self._sdk())
        except Exception as error:  # QStashError, httpx's, JSON's, KeyError, TypeError: the SDK lets all of them out
            raise translate(error, [self._token, *self._forwarded().values()]) from None

    def _sdk(self) -> QStash:
        with self._lock:
            if self._client is None:
                s = self._settings
                self._client = bounded_client(self._token, s.qstash_url, s.qstash_timeout_seconds)
                weakref.finalize(self, self._client.http._client.close)  # the SDK never closes its connections
            return self._client


def bounded_client(token: str, base_url: str, total_seconds: float) -> QStash:
    """An SDK client whose calls end: each of the tries gets its share of `total_seconds` to connect or to answer.

    The SDK fixes a read timeout of 600 s and has no option for it, so its httpx client's own setting is replaced here.
    """
    import httpx  # with the SDK, 0.3 s of a cold start, which a delivery does without
    from qstash import QStash

    def pause_ms(attempt: int) -> float:
        return PAUSE_SECONDS * 1000 if attempt < TRIES - 1 else 0.0  # the SDK would sleep after the last try, too

    client = QStash(token, retry={"retries": TRIES - 1, "backoff": pause_ms}, base_url=base_url)
    share = max((total_seconds - PAUSE_SECONDS * (TRIES - 1)) / TRIES, 0.05)
    client.http._client.timeout = httpx.Timeout(share)
    return client


def _id_of(answer: Any) -> str:
    message_id = getattr(answer, "message_id", None)
    if not isinstance(message_id, str) or not message_id:
        raise MessageServiceError("broken_answer", "the answer names no message id")
    return message_id


def _id_or_error(answer: Any) -> str | MessageServiceError:
    try:
        return _id_of(answer)
    except MessageServiceError as error:
        return error
