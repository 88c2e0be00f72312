"""Read and write schedules in QStash, through its SDK.

Invariant: every failure is a MessageServiceError, and its detail is a sentence for operators without a secret.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from app.adapters.qstash import secret_headers
from app.adapters.qstash_errors import advice, translate
from app.domain.ports import MessageServiceError, Schedule
from app.settings.values import DELIVERY_MARGIN_SECONDS, Settings


class QStashSchedules:
    """An implementation of ports.Schedules. Each call has its own connection: only commands use this."""

    def __init__(self, settings: Settings) -> None:
        if settings.qstash_token is None:
            raise ValueError("QSTASH_TOKEN is not set: without it Punctual runs in poll mode")
        self._settings = settings
        self._token = settings.qstash_token

    def read(self, schedule_id: str) -> Schedule | None:
        try:
            found = self._call(lambda api: api.get(schedule_id))
        except MessageServiceError as error:
            if error.code == "not_found":
                return None
            raise
        carried = {name.lower(): values for name, values in (found.headers or {}).items()}
        wanted = secret_headers(self._settings).items()
        match = found.headers is None or all(carried.get(name.lower()) == [value] for name, value in wanted)
        return Schedule(found.destination, found.cron, found.paused, match)

    def write(self, schedule_id: str, destination: str, cron: str) -> None:
        s = self._settings
        seconds = s.sweep_budget_seconds + s.media_check_seconds + s.n8n_timeout_seconds + DELIVERY_MARGIN_SECONDS
        request: dict[str, Any] = {
            "schedule_id": schedule_id,
            "destination": destination,
            "cron": cron,
            "method": "POST",
            "headers": secret_headers(s),
            "retries": min(1, s.qstash_retries),  # the next run is minutes away
            "timeout": f"{math.ceil(seconds)}s",
            "label": schedule_id,
        }
        self._call(lambda api: api.create(**request))

    def resume(self, schedule_id: str) -> None:
        self._call(lambda api: api.resume(schedule_id))

    def _call(self, operation: Callable[[Any], Any]) -> Any:
        from app.adapters.qstash_client import QStashClient  # imported on first use, as in qstash.py

        s = self._settings
        client = QStashClient(self._token, s.qstash_url, s.qstash_timeout_seconds)
        try:
            return operation(client.schedule)
        except Exception as error:  # the SDK raises QStashError, httpx's errors, JSON's, KeyError and TypeError
            raise self._explained(translate(error, [self._token, *secret_headers(s).values()])) from None
        finally:
            client.close()

    def _explained(self, error: MessageServiceError) -> MessageServiceError:
        if error.code != "refused":
            return MessageServiceError(error.code, advice(error, self._settings.qstash_url))
        code = "not_found" if error.detail.startswith("404") else "refused"
        return MessageServiceError(code, f"QStash at {self._settings.qstash_url} refuses the schedule ({error.detail})")
