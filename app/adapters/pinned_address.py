"""Send one request to a checked address of its host.

Invariant: the connection goes to the address that passed the check (no DNS rebinding), and the certificate must match
the name. Redirects are not followed, and the body of the answer is not read.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
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
