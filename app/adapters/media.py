"""A look at media where they lie: HEAD, bounded in time, and never at an address that is not everybody's.

Promise: the address that was checked is the address that is connected to, on every redirect too, whatever the name says
a moment later; the certificate is still the name's.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from app.domain.content.addresses import IPAddress, is_public
from app.domain.ports import MediaVerdict
from app.version import VERSION

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

MAX_REDIRECTS = 3
MAX_ADDRESSES = 3  # of one name, tried one after the other
AT_ONCE = 5  # items of one post
MAX_THREADS = 40  # of the whole process; a resolver that hangs holds one until it gives up
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({404, 410})


def resolve(host: str, port: int) -> list[str]:
    """Every address of `host`. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class HttpMediaCheck:
    """ports.MediaCheck. `allow_loopback` is for the local stack, whose media lie on this machine."""

    tls_verify: bool | str = True  # against certifi's list; or the path of another

    def __init__(self, *, allow_loopback: bool = False, resolve: Callable[[str, int], Sequence[str]] = resolve) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._room = threading.BoundedSemaphore(MAX_THREADS)

    def look(self, urls: Sequence[str], seconds: float) -> list[MediaVerdict]:
        """In threads, since nothing else bounds a resolver; whoever is not back in time saw nothing."""
        deadline = time.monotonic() + seconds
        verdicts: list[MediaVerdict] = ["unknown"] * len(urls)
        items = enumerate(urls)
        taking = threading.Lock()

        def work() -> None:
            try:
                while time.monotonic() < deadline:
                    with taking:
                        at, url = next(items, (-1, ""))
                    if at < 0:
                        return
                    verdicts[at] = self._one(url, deadline)
            finally:
                self._room.release()

        threads: list[threading.Thread] = []
        while len(threads) < min(len(urls), AT_ONCE) and self._room.acquire(blocking=False):
            threads.append(threading.Thread(target=work, name="media", daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
        return list(verdicts)

    def _one(self, url: str, deadline: float) -> MediaVerdict:
        """Follows redirects by itself, since each is a new address to check."""
        try:
            for _ in range(MAX_REDIRECTS + 1):
                answer = self._head(url, deadline)
                if not isinstance(answer, tuple):
                    return answer
                status, location = answer
                if status not in REDIRECTS or not location:
                    return "gone" if status in GONE else "fine" if 200 <= status < 300 else "unknown"
                url = urljoin(url, location)
        except Exception:  # a name, a server or a URL that is broken: the platform will tell better than we can
            return "unknown"
        return "unknown"

    def _head(self, url: str, deadline: float) -> MediaVerdict | tuple[int, str | None]:
        from requests import Request  # 0.2 s of a cold start, for installations whose posts have no media

        request = Request("HEAD", url, headers={"User-Agent": f"Punctual/{VERSION}"}).prepare()
        parts = urlsplit(str(request.url))  # the host is in ASCII by now
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "unknown"
        port = parts.port or (443 if parts.scheme == "https" else 80)
        known = [ipaddress.ip_address(text) for text in self._resolve(parts.hostname, port)]
        allowed = [address for address in known if self._may_ask(address)]
        if not allowed:
            return "not_public" if known else "unknown"
        request.headers["Host"] = parts.netloc.rpartition("@")[2]
        for address in allowed[:MAX_ADDRESSES]:
            for response in self._ask(request, parts, address, deadline):
                return response.status_code, response.headers.get("Location")
        return "unknown"

    def _may_ask(self, address: IPAddress) -> bool:
        return is_public(address) or (self._allow_loopback and address.is_loopback)

    def _ask(
        self, request: PreparedRequest, parts: SplitResult, address: IPAddress, deadline: float
    ) -> Iterator[Response]:
        """The answer of this very address, if it gives one in time; its body is not read."""
        from requests import RequestException

        from app.adapters.requests_transport import Connections

        left = deadline - time.monotonic()
        if left <= 0:
            return
        literal = f"[{address}]" if address.version == 6 else str(address)
        netloc = literal if parts.port is None else f"{literal}:{parts.port}"
        request.url = parts._replace(netloc=netloc, fragment="").geturl()
        connections = Connections(server_hostname=parts.hostname)
        try:
            with connections.send(request, stream=True, timeout=(left, left), verify=self.tls_verify) as response:
                yield response
        except RequestException:
            return
        finally:
            connections.close()
