"""Requests to media hosts: several at once within a time limit, each to a checked address.

Invariant: a request goes only to an address that passed the check, on every redirect too. Each request resolves the
name once, so a later DNS answer cannot change its target (DNS rebinding). The certificate must match the name.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, urljoin, urlsplit

from app.adapters.pinned_address import Resolve, allowed_addresses, resolve, send_to
from app.domain.content.addresses import IPAddress
from app.domain.turns import paused
from app.version import VERSION

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

MAX_REDIRECTS = 3  # per method
MAX_ADDRESSES = 3  # per name, tried one after the other
MAX_PARALLEL = 5  # items of one post
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({404, 410})

Result = TypeVar("Result")


class NotPublic(Exception):
    """The host, or the target of a redirect, has no public address."""


class NoAnswer(Exception):
    """No address of the host answered, or the redirects did not end."""


class MediaRequests:
    """The base of the adapters that ask media hosts.

    `allow_loopback` is for the local stack: its media are on this machine. `resolve` returns the addresses of a host
    and a port. `most_threads` bounds the threads of this process, because a hanging resolver keeps its thread.
    """

    tls_verify: bool | str = True  # True: certifi's certificates. A path: a PEM file of others.

    def __init__(self, most_threads: int, *, allow_loopback: bool = False, resolve: Resolve = resolve) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._threads = threading.BoundedSemaphore(most_threads)

    def for_each(
        self, urls: Sequence[str], seconds: float, ask: Callable[[str, float], Result], unknown: Result
    ) -> list[Result]:
        """Ask about each URL, and return the results in order within `seconds`.

        `ask` gets a URL and the monotonic deadline. A URL without an answer in time is `unknown`. Threads do the work,
        because a name lookup has no timeout.
        """
        deadline = time.monotonic() + seconds
        results = [unknown] * len(urls)
        items = enumerate(urls)
        drawing = threading.Lock()

        def work() -> None:
            try:
                while time.monotonic() < deadline:
                    with drawing:
                        index, url = next(items, (-1, ""))
                    if index < 0:
                        return
                    results[index] = ask(url, deadline)
            finally:
                self._threads.release()

        threads: list[threading.Thread] = []
        with paused():
            while len(threads) < min(len(urls), MAX_PARALLEL) and self._threads.acquire(blocking=False):
                threads.append(threading.Thread(target=work, name="media", daemon=True))
                threads[-1].start()
            for thread in threads:
                thread.join(max(deadline - time.monotonic(), 0))
        return list(results)

    def follow(
        self, method: str, url: str, headers: Mapping[str, str], deadline: float, read: Callable[[Response], Result]
    ) -> Result:
        """Send the request and read the final answer. Redirects are followed here: each target is a new address.

        Raises: NotPublic. NoAnswer. requests' and urllib3's errors.
        """
        for _ in range(MAX_REDIRECTS + 1):
            for response in self._answers(method, url, headers, deadline):
                location = response.headers.get("Location")
                if response.status_code not in REDIRECTS or not location:
                    return read(response)
                url = urljoin(url, location)
                break
            else:
                break
        raise NoAnswer()

    def _answers(self, method: str, url: str, headers: Mapping[str, str], deadline: float) -> Iterator[Response]:
        """Yield the answer of the first public address that gives one, before its body.

        Raises: NotPublic.
        """
        from requests import Request  # 0.2 s of a cold start, not needed without media

        request = Request(method, url, headers={"User-Agent": f"Punctual/{VERSION}", **headers}).prepare()
        parts = urlsplit(str(request.url))  # `prepare` converted the host to ASCII
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return
        allowed = allowed_addresses(parts, self._resolve, allow_loopback=self._allow_loopback)
        if allowed is not None and not allowed:
            raise NotPublic()
        for address in (allowed or [])[:MAX_ADDRESSES]:
            yield from self._send(request, parts, address, deadline)

    def _send(
        self, request: PreparedRequest, parts: SplitResult, address: IPAddress, deadline: float
    ) -> Iterator[Response]:
        """Yield the answer of this address, or nothing. The connection is closed afterwards."""
        from requests import RequestException

        left = deadline - time.monotonic()
        if left <= 0:
            return
        try:
            yield from send_to(address, request, parts, left, self.tls_verify)
        except RequestException:
            return
