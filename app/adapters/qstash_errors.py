"""Translate the errors of QStash's SDK to MessageServiceError.

Invariant: the code is stable, and the text holds no secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from app.domain.ports import MessageServiceError

MAX_DETAIL = 300
_STATUS = re.compile(r"Request failed with status: (\d{3}), body: (.*)", re.DOTALL)  # QStashError has no status field


def translate(error: Exception, secrets: Iterable[str]) -> MessageServiceError:
    """Convert any exception to a MessageServiceError without these secrets.

    An unknown exception gets the code `broken_answer`. Never raises.
    """
    if isinstance(error, MessageServiceError):
        return error
    code, detail = _code_and_detail(error)
    for secret in secrets:
        detail = detail.replace(secret, "***")
    return MessageServiceError(code, detail[:MAX_DETAIL])


def advice(error: MessageServiceError, url: str) -> str:
    """Return one sentence for operators: the problem and the fix."""
    if error.code == "unauthorized":
        return f"QStash refuses QSTASH_TOKEN ({error.detail}): copy it again from the QStash console"
    if error.code == "unreachable":
        return f"QStash at {url} cannot be reached ({error.detail}): check QSTASH_URL and the network"
    if error.code in ("quota_exceeded", "rate_limited"):
        return f"QStash takes no more calls for now ({error.detail}): wait, or raise the plan's limits"
    return f"QStash at {url} answers in an unknown way ({error.detail}): check that QSTASH_URL is QStash's"


def _code_and_detail(error: Exception) -> tuple[str, str]:
    import httpx
    from qstash.errors import DailyMessageLimitExceededError, RateLimitExceededError

    text = str(error)
    if isinstance(error, DailyMessageLimitExceededError):
        return "quota_exceeded", text
    if isinstance(error, RateLimitExceededError):
        return "rate_limited", text
    if refused := _STATUS.match(text):
        return _code_of_status(int(refused[1]), _error_text(refused[2]))
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return "refused", f"not a URL that can be called: {text}"
    if isinstance(error, httpx.TransportError | OSError):
        return "unreachable", f"{type(error).__name__}: {text}"
    return "broken_answer", f"{type(error).__name__}: {text}"


def _code_of_status(status: int, message: str) -> tuple[str, str]:
    detail = f"{status} {message}"
    if "maxDelay" in message:  # sources disagree about this answer's status
        return "beyond_horizon", detail
    if status in (401, 403):
        return "unauthorized", detail
    if status >= 500:
        return "unreachable", detail
    return "refused", detail


def _error_text(body: str) -> str:
    """Return `error` of QStash's JSON body, or the whole body of a proxy's answer."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return body
    return str(parsed["error"]) if isinstance(parsed, dict) and "error" in parsed else body
