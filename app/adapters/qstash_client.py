"""Own the HTTP calls of QStash's SDK. The SDK's own HTTP client waits 600 s, and no option changes that.

Invariant: each try of a call has a time limit, and all connections can be closed. None from before a suspension is used
again.
Source: qstash 3.4.0, http.py.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, cast

import httpx
from qstash.http import raise_for_non_ok_status
from qstash.message import MessageApi
from qstash.schedule import ScheduleApi
from qstash.signing_key import SigningKeyApi

from app.domain.turns import paused

if TYPE_CHECKING:
    from qstash.http import HttpClient, HttpMethod

TRIES = 2  # per call. A lost answer is published again: the deduplication id makes that harmless.
PAUSE_SECONDS = 0.1  # between two tries
#: A larger change between the wall clock and the monotonic clock shows that the machine was suspended.
MAX_CLOCK_DRIFT_SECONDS = 1.0


class QStashClient:
    """The SDK's message, schedule and signing key APIs, over HTTP with time limits.

    Each try gets an equal share of `total_seconds`. The share bounds connecting, each write and each read.
    """

    def __init__(self, token: str, base_url: str, total_seconds: float) -> None:
        self._authorization = f"Bearer {token}"
        self._base_url = base_url.rstrip("/")
        share = max((total_seconds - PAUSE_SECONDS * (TRIES - 1)) / TRIES, 0.05)
        self._timeout = httpx.Timeout(share)
        self._tls = httpx.create_ssl_context()  # loads all root certificates, so it is made once
        self._lock = threading.Lock()
        self._drift = _clock_drift()
        self._http = self._new_client()
        self._before: httpx.Client | None = None  # from before the last suspension. A request may still use it
        sdk_http = cast("HttpClient", self)  # the SDK's APIs call `request` and nothing else
        self.message = MessageApi(sdk_http)
        self.schedule = ScheduleApi(sdk_http)
        self.signing_key = SigningKeyApi(sdk_http)

    def request(
        self,
        *,
        path: str,
        method: HttpMethod,
        headers: dict[str, str] | None = None,
        body: str | bytes | None = None,
        params: dict[str, str] | None = None,
        parse_response: bool = True,
    ) -> Any:
        """Call QStash for the SDK, at most TRIES times.

        Returns the parsed JSON, or the text if `parse_response` is False. An answer with any status ends the tries.

        Raises: httpx's errors when no answer came, QStashError for a status outside 2xx, ValueError for broken JSON.
        """
        with paused():
            response = self._send_with_retries(
                method=method,
                url=self._base_url + path,
                params=params,
                headers={"Authorization": self._authorization, **(headers or {})},
                content=body,
            )
        raise_for_non_ok_status(response)
        return response.json() if parse_response else response.text

    def close(self) -> None:
        self._http.close()
        if self._before is not None:
            self._before.close()

    def _new_client(self) -> httpx.Client:
        return httpx.Client(timeout=self._timeout, verify=self._tls)

    def _client(self) -> httpx.Client:
        """Return the HTTP client, a new one after a suspension.

        httpx ends idle connections by the monotonic clock, which stands still meanwhile. A request on a dead connection
        would be lost, and the arming with it.
        """
        with self._lock:
            drift = _clock_drift()
            if abs(drift - self._drift) > MAX_CLOCK_DRIFT_SECONDS:
                if self._before is not None:
                    self._before.close()
                self._before, self._http, self._drift = self._http, self._new_client(), drift
            return self._http

    def _send_with_retries(self, **request: Any) -> httpx.Response:
        for _ in range(TRIES - 1):
            try:
                return self._client().request(**request)
            except Exception:
                time.sleep(PAUSE_SECONDS)
        return self._client().request(**request)


def _clock_drift() -> float:
    """Return the seconds between the wall clock and the monotonic clock."""
    return time.time() - time.monotonic()
