"""Destination URLs: taken from the raw request target, checked, and turned aside where the operator asked for it.

Promise: path and query reach the destination, and the signature's subject, exactly as they were published.
"""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from yarl import URL

from app.local.qstash.errors import Refusal

_SCHEMES = ("http://", "https://")


def from_target(target: str, prefix: str) -> str:
    """The destination behind `prefix` in a raw request target; taken as it stands, or percent-decoded once."""
    raw = target.removeprefix(prefix)
    decoded = unquote(raw)
    url = decoded if not raw.lower().startswith(_SCHEMES) and decoded.lower().startswith(_SCHEMES) else raw
    check_destination(url)
    return url


def check_destination(url: str) -> None:
    if not url.lower().startswith(_SCHEMES):
        raise Refusal(400, "invalid destination url: endpoint has invalid scheme, add http:// or https://")
    try:
        parts = urlsplit(url)
        complete = bool(parts.hostname) and (parts.port is None or parts.port > 0) and bool(URL(url, encoded=True).host)
        url.encode()  # lone surrogates fail here
    except ValueError:
        complete = False
    if not complete or any(ord(character) <= 0x20 for character in url):
        raise Refusal(400, "invalid destination url: endpoint cannot be parsed")


class Detours:
    """Maps a destination's host to another address, as curl's --connect-to does."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._origins = {host.lower(): URL(address).origin() for host, address in addresses.items()}

    def route(self, url: str) -> tuple[URL, str | None]:
        """Where to connect, and the Host header to send when that is not the address's own."""
        target = URL(url, encoded=True)
        netloc = (target.raw_authority or "").rpartition("@")[2].lower()
        origin = self._origins.get(netloc) or self._origins.get((target.raw_host or "").lower())
        if origin is None:
            return target, None
        detour = URL.build(
            scheme=origin.scheme,
            host=origin.host or "",
            port=origin.port,
            path=target.raw_path,
            query_string=target.raw_query_string,
            encoded=True,
        )
        return detour, netloc
