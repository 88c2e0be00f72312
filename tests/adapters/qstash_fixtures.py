"""A QStashMessages for a server on loopback, and QStash's answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.adapters.qstash import QStashMessages
from app.domain.ports import Alarm, MessageServiceError
from app.settings.values import Settings
from tests.adapters.servers import (
    Seen,
    says,
)

TOKEN = "qstash-token-secret"

BASE = "https://punctual.example"

KEYS = {"qstash_current_signing_key": "sig_now", "qstash_next_signing_key": "sig_next"}

Answer = tuple[int, dict[str, str], bytes]


def messages(url: str, **settings: Any) -> QStashMessages:
    named: dict[str, Any] = (
        {"qstash_timeout_seconds": 4.0, "qstash_token": TOKEN, "public_base_url": BASE} | KEYS | settings
    )
    return QStashMessages(Settings(qstash_url=url, **named))


def alarm(number: int = 1) -> Alarm:
    return Alarm(post_id=f"p{number}", user_id="u1", generation=3, arm_count=2, not_before=1_796_112_000)


def accepts(seen: Seen) -> Answer:
    """Answer like QStash: one id for a publish, one per item for a batch."""
    if seen.path == "/v2/batch":
        ids = [{"messageId": f"msg_{item['headers']['Upstash-Label']}"} for item in seen.json()]
        return 200, {}, json.dumps(ids).encode()
    return 200, {}, b'{"messageId":"msg_1"}'


def refuses(status: int, error: str, **headers: str) -> Callable[[Seen], Answer]:
    return says(status, {"error": error}, **headers)


def failure(url: str, **settings: Any) -> MessageServiceError:
    with pytest.raises(MessageServiceError) as caught:
        messages(url, **settings).publish(alarm())
    return caught.value
