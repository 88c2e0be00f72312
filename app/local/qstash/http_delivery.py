"""One HTTP request to a message's destination, and its outcome.

Invariant: the body is sent byte for byte and signed for the published URL, redirects are not followed, and every
failure becomes an Outcome.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from .destination import HostOverrides
from .message import Message
from .plan import DEFAULT_TIMEOUT_SECONDS
from .signing import sign

RESPONSE_BYTES_KEPT = 64 * 1024
# Shorter than any server's keep-alive, so that no request meets a connection that the server is closing.
KEEP_ALIVE_SECONDS = 1.0
_NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The response of the destination. Without a response, `status` is 0 and `error` the reason."""

    status: int
    headers: dict[str, list[str]] = field(default_factory=dict)
    body: bytes = b""
    error: str | None = None

    @property
    def delivered(self) -> bool:
        return 200 <= self.status <= 299

    def header(self, name: str) -> str | None:
        return next((values[0] for key, values in self.headers.items() if key.lower() == name.lower()), None)


class HttpDelivery:
    """An HTTP client with pooled keep-alive connections."""

    def __init__(self, host_overrides: HostOverrides, signing_key: Callable[[], str]) -> None:
        self._host_overrides = host_overrides
        self._signing_key = signing_key
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS)
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=_NOT_ADDED, trust_env=False
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, message: Message) -> Outcome:
        """Send a message, within its timeout (default 900 s)."""
        seconds = message.instructions.timeout or DEFAULT_TIMEOUT_SECONDS
        try:
            return await self._request(message, seconds)
        except TimeoutError:
            return Outcome(0, error=f"timeout after {seconds}s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(0, error=f"{type(error).__name__}: {error}")

    async def _request(self, message: Message, seconds: float) -> Outcome:
        assert self._session is not None
        url, host = self._host_overrides.route(message.url)
        headers = self._headers(message)
        if host is not None:
            headers.append(("Host", host))
        async with self._session.request(
            message.instructions.method,
            url,
            data=message.body or None,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=seconds),
        ) as response:
            body = await _first_bytes(response.content)
            return Outcome(response.status, _grouped(response), body)

    def _headers(self, message: Message) -> list[tuple[str, str]]:
        headers = [
            ("User-Agent", "Upstash-QStash"),
            ("Upstash-Message-Id", message.id),
            ("Upstash-Retried", str(message.retried)),
            ("Upstash-Signature", sign(self._signing_key(), message.url, message.digest)),
            *message.instructions.forward,
        ]
        if message.schedule_id:
            headers.append(("Upstash-Schedule-Id", message.schedule_id))
        if message.label:
            headers.append(("Upstash-Label", message.label))
        return headers


async def _first_bytes(content: aiohttp.StreamReader) -> bytes:
    kept = bytearray()
    async for chunk in content.iter_any():
        kept += chunk
        if len(kept) > RESPONSE_BYTES_KEPT:
            break
    return bytes(kept[:RESPONSE_BYTES_KEPT])


def _grouped(response: aiohttp.ClientResponse) -> dict[str, list[str]]:
    return {name: response.headers.getall(name) for name in dict.fromkeys(response.headers)}
