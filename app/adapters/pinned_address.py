"""Send one request to a checked address of its host.

Invariant: the connection goes to the address that passed the check (no DNS rebinding), and the certificate must match
the name. Redirects are not followed, and the body of the answer is not read.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlunsplit

from app.domain.content.addresses import IPAddress, is_public

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return every address of `host`. Raises: OSError or UnicodeError when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class BoundedLookup:
    """A lookup of names with a time limit. A resolver that hangs keeps its thread, at most `threads` of them."""

    def __init__(self, lookup: Resolve, seconds: float, threads: int) -> None:
        self._lookup, self._seconds = lookup, seconds
        self._threads = threading.BoundedSemaphore(threads)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of the host. Raises: the lookup's error, TimeoutError."""
        answer: Future[Sequence[str]] = Future()

        def look() -> None:
            try:
                answer.set_result(self._lookup(host, port))
            except Exception as error:
                answer.set_exception(error)
            finally:
                self._threads.release()

        if not self._threads.acquire(blocking=False):
            raise TimeoutError("too many lookups of names hang")
        threading.Thread(target=look, name="lookup", daemon=True).start()
        try:
            return answer.result(self._seconds)
        except TimeoutError:
            raise TimeoutError(f"the lookup of the name took more than {self._seconds:g} s") from None


def allowed_addresses(parts: SplitResult, lookup: Resolve, *, allow_loopback: bool) -> list[IPAddress] | None:
    """Return the host's public addresses, and those of this machine with `allow_loopback`. None: it has no address."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    known = [ipaddress.ip_address(text) for text in lookup(parts.hostname or "", port)]
    if not known:
        return None
    return [one for one in known if is_public(one) or (allow_loopback and one.is_loopback)]


def send_to(
    address: IPAddress, request: PreparedRequest, parts: SplitResult, seconds: float, verify: bool | str
) -> Iterator[Response]:
    """Send the request to this address, and yield the answer before its body.

    `parts` is the request's original URL, with the name for the Host header and for the certificate.

    Raises: requests' RequestException.
    """
    from app.adapters.requests_transport import DeadlineTransport

    literal = f"[{address}]" if address.version == 6 else str(address)
    netloc = literal if parts.port is None else f"{literal}:{parts.port}"
    request.headers["Host"] = parts.netloc.rpartition("@")[2]
    request.url = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
    transport = DeadlineTransport(server_hostname=parts.hostname)
    try:
        with transport.send(request, stream=True, timeout=(seconds, seconds), verify=verify) as response:
            yield response
    finally:
        transport.close()
