"""The workflow's calls to Punctual: reports, with n8n's retries, and the claim before publishing."""

import asyncio
import os
import time
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from app.local.n8n.ledger import Entry
from app.local.n8n.timestamps import iso

TRIES = 3
PAUSE_SECONDS = 1.0  # n8n's "retry on fail" waits a second between tries
TIMEOUT_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 1.0  # shorter than any server's keep-alive, so no report meets a connection that is being closed
MAX_CONNECTIONS = 64  # a burst of reports must not block the deliveries


class Reporter:
    """An HTTP client with the callback secret, if there is one. It calls the addresses of a body unchanged.

    `default_url` is used for a body without `callbackUrl`, with `fixed` for every body.
    """

    def __init__(self, secret: str, default_url: str | None, *, fixed: bool = False) -> None:
        self._secret = secret
        self._default_url = default_url
        self._fixed = fixed
        self._session: ClientSession | None = None

    @classmethod
    def from_environment(cls, default_url: str | None, *, fixed: bool = False) -> "Reporter":
        return cls(os.environ.get("N8N_CALLBACK_SECRET", ""), default_url, fixed=fixed)

    async def send(self, entry: Entry, report: dict[str, Any]) -> dict[str, Any]:
        """Send one report, at most three times.

        Returns the ledger's record: the time, the report, and the answer's status or the error.
        """
        given = None if self._fixed else entry.body.get("callbackUrl")
        url = given or self._default_url
        kept = {"at": iso(time.time_ns()), "report": report}
        if not url:
            return {**kept, "answer": None, "error": "no callback address"}
        for _ in range(TRIES - 1):
            answer = await self._post(url, report)
            if answer.get("answer") is not None and answer["answer"] < 500:
                return {**kept, **answer}
            await asyncio.sleep(PAUSE_SECONDS)
        return {**kept, **await self._post(url, report)}

    async def may_publish(self, entry: Entry) -> bool:
        """Return True if Punctual grants the claim with status 200, or the body has no `claimUrl`."""
        url = entry.body.get("claimUrl")
        if not url:
            return True
        answer = await self._post(url, {"postId": entry.post_id, "attempt": entry.attempt})
        return answer.get("answer") == 200

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            async with self._client().post(url, json=body) as answer:
                await answer.read()
                return {"answer": answer.status}
        except (ClientError, TimeoutError, ValueError) as error:
            return {"answer": None, "error": f"{type(error).__name__}: {error}"}

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS),
                timeout=ClientTimeout(total=TIMEOUT_SECONDS),
                headers={"User-Agent": "n8n"} | ({"Authorization": f"Bearer {self._secret}"} if self._secret else {}),
            )
        return self._session
