"""Calls to Punctual's API: bounded in time and size, with the token, errors turned into tool errors.

Invariant: the token goes to PUNCTUAL_URL alone. No redirect is followed, and no answer may repeat it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from app.mcp.errors import Refused
from app.mcp.settings import Settings

TOTAL_SECONDS = 30.0
SILENCE_SECONDS = 20.0
MAX_ANSWER_BYTES = 2_000_000
MAX_ERRORS = 10
MAX_DETAIL = 2_000  # characters of one error
KEY_TURNS = 8
NO_CONTENT = 204
UNKNOWN = "It is not known whether it was done. Call the tool again with the same arguments: nothing is done twice."
CURES = {
    401: "The person who set up this server must renew PUNCTUAL_TOKEN: it is wrong, expired or revoked.",
    403: "The key or its user may not do this. Ask for a key with the right scope (read, write, publish) or role.",
    404: "Look ids up with list_posts or list_accounts. Another user's objects cannot be seen.",
    503: "Try again in a few seconds.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer. `repeated` is True for the kept answer of an earlier equal request."""

    body: dict[str, Any]
    repeated: bool = False


@asynccontextmanager
async def open_api(settings: Settings) -> AsyncIterator[Api]:
    """Open the connection pool to Punctual. Loopback is called past any proxy of the environment."""
    async with httpx2.AsyncClient(
        timeout=httpx2.Timeout(SILENCE_SECONDS),
        limits=httpx2.Limits(max_connections=10),
        follow_redirects=False,
        trust_env=not settings.is_loopback,
        headers={
            "Authorization": f"Bearer {settings.token}",
            "User-Agent": "Punctual-MCP",
            "Accept-Encoding": "identity",
        },
    ) as client:
        yield Api(settings, client)


class Api:
    def __init__(self, settings: Settings, client: httpx2.AsyncClient) -> None:
        self._settings = settings
        self._client = client

    @property
    def time_zone(self) -> str:
        return self._settings.time_zone

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read one resource. Parameters of value None are left out.

        Raises: Refused.
        """
        known = {name: str(value) for name, value in query.items() if value is not None}
        status, _, body = await self._exchange("GET", path, {"params": known}, "Nothing was changed. Try again.")
        if status >= 400:
            raise _refusal(status, body)
        return body

    async def post(self, path: str, body: Mapping[str, Any], fence: str) -> Answer:
        """Act once for equal values of path, body and `fence`, also when called again.

        Punctual keeps refusals under their key too. A kept refusal did nothing, so the next key is tried.

        Raises: Refused.
        """
        text = json.dumps(body, sort_keys=True)
        for turn in range(KEY_TURNS):
            digest = hashlib.sha256("\n".join((path, text, fence, str(turn))).encode()).hexdigest()
            headers = {"Idempotency-Key": f"mcp-{digest}", "Content-Type": "application/json"}
            status, answered, found = await self._exchange("POST", path, {"content": text, "headers": headers}, UNKNOWN)
            repeated = answered.get("Idempotency-Replayed") == "true"
            if status < 400:
                return Answer(found, repeated)
            if not repeated:
                break
        raise _refusal(status, found, answered.get("Retry-After"))

    async def delete(self, path: str) -> None:
        """Remove one resource. A repeated call does no harm.

        Raises: Refused.
        """
        status, _, body = await self._exchange("DELETE", path, {}, UNKNOWN)
        if status >= 400:
            raise _refusal(status, body)

    async def _exchange(
        self, method: str, path: str, options: dict[str, Any], meaning: str
    ) -> tuple[int, httpx2.Headers, dict[str, Any]]:
        """Send one request and read its answer. `meaning` says what is known when no answer comes."""
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                async with self._client.stream(method, self._settings.url + path, **options) as response:
                    raw = await _read(response)
        except TimeoutError:
            raise Refused(f"Punctual did not answer within {TOTAL_SECONDS:.0f} s. {meaning}") from None
        except httpx2.ConnectError:
            raise Refused(
                f"Punctual cannot be reached at {self._settings.url}. Nothing was done. Check that it runs, "
                "and PUNCTUAL_URL."
            ) from None
        except httpx2.HTTPError as error:
            raise Refused(f"The call to Punctual broke off ({type(error).__name__}). {meaning}") from None
        raw = raw.replace(self._settings.token.encode(), b"(hidden)")
        return response.status_code, response.headers, _parse(response.status_code, raw, meaning)


async def _read(response: httpx2.Response) -> bytes:
    raw = b""
    async for chunk in response.aiter_raw():
        raw += chunk
        if len(raw) > MAX_ANSWER_BYTES:
            raise Refused(f"Punctual's answer is larger than {MAX_ANSWER_BYTES} bytes. Ask for fewer posts.")
    return raw


def _parse(status: int, raw: bytes, meaning: str) -> dict[str, Any]:
    if status == NO_CONTENT:
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict) and not 300 <= status < 400:
        return body
    raise Refused(
        f"HTTP {status} without Punctual's JSON. {meaning} If it stays so, PUNCTUAL_URL names another service."
    )


def _refusal(status: int, problem: dict[str, Any], retry_after: str | None = None) -> Refused:
    """Turn a problem document into a sentence with its code, its fields and the cure."""
    parts = [f"Punctual refused this: {_text(problem.get('detail')) or f'HTTP {status}'}"]
    errors = problem.get("errors")
    for error in [one for one in errors if isinstance(one, dict)][:MAX_ERRORS] if isinstance(errors, list) else []:
        bound = f" (limit {error['limit']}, actual {error.get('actual')})" if "limit" in error else ""
        parts.append(f"{_text(error.get('field'))}: {_text(error.get('message'))}{bound}")
    if status in CURES:
        parts.append(CURES[status])
    if retry_after is not None or status == 429:
        parts.append(f"Wait {_text(retry_after) or 'a few'} seconds, then call again.")
    parts.append(f"Code: {_text(problem.get('code')) or 'none'}, HTTP {status}.")
    return Refused("\n".join(parts))


def _text(value: object) -> str:
    return str(value)[:MAX_DETAIL] if value is not None else ""
