"""Read QStash's log of events: what has become of one message.

Invariant: every failure is a MessageServiceError without a secret.
"""

from __future__ import annotations

from typing import Any

from app.adapters.qstash import secret_headers
from app.adapters.qstash_errors import advice, translate
from app.domain.ports import MessageServiceError, MessageState
from app.settings.values import Settings

#: States after which a delivery is known to have worked or failed, by QStash's documentation.
DECISIVE = ("DELIVERED", "FAILED", "ERROR", "RETRY")


class QStashLog:
    """An implementation of ports.MessageLog. Each call has its own connection: only a command uses this."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def state_of(self, message_id: str) -> MessageState | None:
        from app.adapters.qstash_client import QStashClient  # imported on first use, as in qstash.py

        s = self._settings
        client = QStashClient(s.qstash_token or "", s.qstash_url, s.qstash_timeout_seconds)
        try:
            answer = client.request(path="/v2/events", method="GET", params={"messageId": message_id})
            events = [event for event in answer.get("events", []) if event.get("messageId") == message_id]
        except Exception as error:  # the SDK raises QStashError, httpx's errors, JSON's, KeyError and TypeError
            known = translate(error, [s.qstash_token or "", *secret_headers(s).values()])
            raise MessageServiceError(known.code, advice(known, s.qstash_url)) from None
        finally:
            client.close()
        return _decisive(events)


def _decisive(events: list[dict[str, Any]]) -> MessageState | None:
    """Return the first decisive state in the order of DECISIVE, None while QStash has not called."""
    for state in DECISIVE:
        for event in events:
            if event.get("state") == state:
                status = event.get("responseStatus")
                return MessageState(state == "DELIVERED", status if isinstance(status, int) else None)
    return None
