"""Destination URLs: read from the raw request target, checked, and overridden by the `--deliver` option.

Invariant: the destination and the signature's subject get path and query exactly as published.
"""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from yarl import URL

from .errors import ApiError

_SCHEMES = ("http://", "https://")


def from_target(target: str, prefix: str) -> str:
    """Return the destination behind `prefix` in a raw request target.

    The URL is taken unchanged, or percent-decoded once if only the decoded form starts with a scheme.
    Raises: ApiError when the URL is not valid.
    """
    raw = target.removeprefix(prefix)
    decoded = unquote(raw)
    url = decoded if not raw.lower().startswith(_SCHEMES) and decoded.lower().startswith(_SCHEMES) else raw
    check_destination(url)
    return url


def check_destination(url: str) -> None:
    """Check that the URL is a valid http or https URL.

    Raises: ApiError.
    """
    if not url.lower().startswith(_SCHEMES):
        raise ApiError(400, "invalid destination url: endpoint has invalid scheme, add http:// or https://")
    try:
        parts = urlsplit(url)
        complete = bool(parts.hostname) and (parts.port is None or parts.port > 0) and bool(URL(url, encoded=True).host)
        url.encode()  # lone surrogates fail here
    except ValueError:
        complete = False
    if not complete or any(ord(character) <= 0x20 for character in url):
        raise ApiError(400, "invalid destination url: endpoint cannot be parsed")


class HostOverrides:
    """Other addresses for destination hosts, as with curl's --connect-to."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._origins = {host.lower(): URL(address).origin() for host, address in addresses.items()}

    def route(self, url: str) -> tuple[URL, str | None]:
        """Return the URL to connect to and the Host header to send. None: the URL's own host."""
        target = URL(url, encoded=True)
        netloc = (target.raw_authority or "").rpartition("@")[2].lower()
        origin = self._origins.get(netloc) or self._origins.get((target.raw_host or "").lower())
        if origin is None:
            return target, None
        overridden = URL.build(
            scheme=origin.scheme,
            host=origin.host or "",
            port=origin.port,
            path=target.raw_path,
            query_string=target.raw_query_string,
            encoded=True,
        )
        return overridden, netloc
