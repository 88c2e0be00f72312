"""Check media URLs with HEAD requests, within a time limit. A GET for one byte confirms each fault.

Invariant: a request goes only to an address that passed the check, on every redirect too. Each request resolves the
name once, so a later DNS answer cannot change its target (DNS rebinding). The certificate must match the name.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from app.adapters.pinned_address import allowed_addresses, resolve, send_to
from app.domain.content.addresses import IPAddress
from app.domain.ports import MediaVerdict
from app.domain.turns import paused
from app.version import VERSION

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

MAX_REDIRECTS = 3  # per method
MAX_ADDRESSES = 3  # per name, tried one after the other
MAX_PARALLEL = 5  # items of one post
MAX_THREADS = 40  # per process. A hanging resolver keeps its thread.
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({404, 410})
FAULTS = frozenset({"gone", "not_public"})


class HttpMediaCheck:
    """An implementation of ports.MediaCheck.

    `allow_loopback` is for the local stack: its media are on this machine. `resolve` returns the addresses of a host
    and a port.
    """

    tls_verify: bool | str = True  # True: certifi's certificates. A path: a PEM file of others.

    def __init__(self, *, allow_loopback: bool = False, resolve: Callable[[str, int], Sequence[str]] = resolve) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._threads = threading.BoundedSemaphore(MAX_THREADS)

    def look(self, urls: Sequence[str], seconds: float) -> list[MediaVerdict]:
        """Return one verdict per URL, in order, within `seconds`.

        A URL without an answer in time is `unknown`. Threads do the work, because a name lookup has no timeout.
        """
        deadline = time.monotonic() + seconds
        verdicts: list[MediaVerdict] = ["unknown"] * len(urls)
        items = enumerate(urls)
        drawing = threading.Lock()

        def work() -> None:
            try:
                while time.monotonic() < deadline:
                    with drawing:
                        index, url = next(items, (-1, ""))
                    if index < 0:
                        return
                    verdicts[index] = self._check(url, deadline)
            finally:
                self._threads.release()

        threads: list[threading.Thread] = []
        while len(threads) < min(len(urls), MAX_PARALLEL) and self._threads.acquire(blocking=False):
            threads.append(threading.Thread(target=work, name="media", daemon=True))
            threads[-1].start()
        with paused():
            for thread in threads:
                thread.join(max(deadline - time.monotonic(), 0))
        return list(verdicts)

    def _check(self, url: str, deadline: float) -> MediaVerdict:
        """Check one URL. A fault found by HEAD is confirmed by a GET from the first URL.

        Platforms use GET. Some hosts answer HEAD with 404, or redirect it to an error page, for a file they serve.
        """
        try:
            verdict = self._follow("HEAD", url, deadline)
            return self._follow("GET", url, deadline) if verdict in FAULTS else verdict
        except Exception:  # a broken name, server or URL: the platform's own error will say more
            return "unknown"

    def _follow(self, method: str, url: str, deadline: float) -> MediaVerdict:
        """Send the request and follow its redirects here: each target is a new address to check."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._ask(method, url, deadline)
            if not isinstance(answer, tuple):
                return answer
            status, location = answer
            if status not in REDIRECTS or not location:
                return "gone" if status in GONE else "fine" if 200 <= status < 300 else "unknown"
            url = urljoin(url, location)
        return "unknown"

    def _ask(self, method: str, url: str, deadline: float) -> MediaVerdict | tuple[int, str | None]:
        """Send one request to a public address of the URL's host.

        Returns the status and the Location header, or a verdict if no address answered.
        """
        from requests import Request  # 0.2 s of a cold start, not needed without media

        headers = {"User-Agent": f"Punctual/{VERSION}"} | ({"Range": "bytes=0-0"} if method == "GET" else {})
        request = Request(method, url, headers=headers).prepare()
        parts = urlsplit(str(request.url))  # `prepare` converted the host to ASCII
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "unknown"
        allowed = allowed_addresses(parts, self._resolve, allow_loopback=self._allow_loopback)
        if not allowed:
            return "unknown" if allowed is None else "not_public"
        for address in allowed[:MAX_ADDRESSES]:
            for response in self._send(request, parts, address, deadline):
                return response.status_code, response.headers.get("Location")
        return "unknown"

    def _send(
        self, request: PreparedRequest, parts: SplitResult, address: IPAddress, deadline: float
    ) -> Iterator[Response]:
        """Yield the answer of this address, or nothing.

        Its body is not read, however long: the connection is closed after the headers.
        """
        from requests import RequestException

        left = deadline - time.monotonic()
        if left <= 0:
            return
        try:
            yield from send_to(address, request, parts, left, self.tls_verify)
        except RequestException:
            return
