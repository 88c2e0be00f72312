"""The retry policy: the instant of the next try after a failed delivery. No I/O."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from . import retry_delay
from .http_delivery import Outcome
from .message import Message

MAX_DELAY_SECONDS = 86_400
NON_RETRYABLE_STATUS = 489


def next_retry_ms(message: Message, outcome: Outcome, now_ms: int, unit: float) -> int | None:
    """Return the instant of the next try in Unix ms. None: no further try.

    `Retry-After` takes precedence over the message's own expression, and both over the default backoff of
    e^(2.5 × try) × `unit` seconds: 12 s, 148 s, 30 min … At most one day.
    """
    if message.retried >= message.max_retries or _non_retryable(outcome):
        return None
    seconds = _retry_after(outcome, now_ms)
    if seconds is None:
        seconds = _backoff(message, unit)
    return now_ms + math.ceil(min(seconds, MAX_DELAY_SECONDS) * 1000)


def _non_retryable(outcome: Outcome) -> bool:
    flag = outcome.header("Upstash-NonRetryable-Error") or ""
    return outcome.status == NON_RETRYABLE_STATUS and flag.lower() == "true"


def _backoff(message: Message, unit: float) -> float:
    expression = message.instructions.retry_delay
    if expression:
        return retry_delay.delay_ms(expression, message.retried) / 1000
    return min(MAX_DELAY_SECONDS, math.exp(min(2.5 * (message.retried + 1), 50))) * unit


def _retry_after(outcome: Outcome, now_ms: int) -> float | None:
    text = (outcome.header("Retry-After") or "").strip()
    if not text:
        return None
    if text.isdecimal():
        return float(min(int(text), MAX_DELAY_SECONDS))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds())
