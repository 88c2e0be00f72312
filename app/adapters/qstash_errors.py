"""What QStash's SDK raises, as a MessageServiceError: a stable code, and a text for operators without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from app.domain.ports import MessageServiceError

MAX_DETAIL = 300
_STATUS = re.compile(r"Request failed with status: (\d{3}), body: (.*)", re.DOTALL)  # QStashError has no status field


def translate(error: Exception, secrets: Iterable[str]) -> MessageServiceError:
    """Never fails, and knows every exception: what it does not recognise is a broken answer."""
    if isinstance(error, MessageServiceError):
        return error
    code, detail = _read(error)
    for secret in secrets:
        detail = detail.replace(secret, "***")
    return MessageServiceError(code, detail[:MAX_DETAIL])


def advice(error: MessageServiceError, url: str) -> str:
    """What an operator can do about it, in one sentence."""
    if error.code == "unauthorized":
        return f"QStash refuses QSTASH_TOKEN ({error.detail}): copy it anew from the QStash console"
    if error.code == "unreachable":
        return f"QStash at {url} cannot be reached ({error.detail}): check QSTASH_URL and the network"
    if error.code in ("quota_exceeded", "rate_limited"):
        return f"QStash takes no more calls for now ({error.detail}): wait, or raise the plan's limits"
    return f"QStash at {url} answers in an unknown way ({error.detail}): check that QSTASH_URL is QStash's"


def _read(error: Exception) -> tuple[str, str]:
    import httpx
    from qstash.errors import DailyMessageLimitExceededError, RateLimitExceededError

    text = str(error)
    if isinstance(error, DailyMessageLimitExceededError):
        return "quota_exceeded", text
    if isinstance(error, RateLimitExceededError):
        return "rate_limited", text
    if refused := _STATUS.match(text):
        return _read_status(int(refused[1]), _message(refused[2]))
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return "refused", f"not a URL that can be called: {text}"
    if isinstance(error, httpx.TransportError | OSError):
        return "unreachable", f"{type(error).__name__}: {text}"
    return "broken_answer", f"{type(error).__name__}: {text}"


def _read_status(status: int, message: str) -> tuple[str, str]:
    detail = f"{status} {message}"
    if "maxDelay" in message:  # the sources disagree about its status
        return "beyond_horizon", detail
    if status in (401, 403):
        return "unauthorized", detail
    if status >= 500:
        return "unreachable", detail
    return "refused", detail


def _message(body: str) -> str:
    """QStash says `{"error": "…"}`; whatever stands between may say anything."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return body
    return str(parsed["error"]) if isinstance(parsed, dict) and "error" in parsed else body
