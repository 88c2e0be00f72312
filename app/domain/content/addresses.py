"""Public addresses: those that a platform can fetch from and that we may call without harm.

Sources: IANA's special-purpose address registries, by our own list (`content.networks`) and by Python's `ipaddress`.
RFC 6761, 6762, 8375 and ICANN's resolution on `.internal` for names that never mean a public host. WHATWG URL, "ends in
a number".
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from urllib.parse import urlsplit

from app.domain.content.marks import MAX_MARKS, longest_run
from app.domain.content.networks import NAT64, is_denied

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "lan", "onion", "invalid")
_NUMERIC_LABEL = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_NAME = re.compile(r"[\w.-]+")  # no %: some clients decode the escapes of a host
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")  # clients read these differently, so they could see another host


class BadUrl(ValueError):
    """A URL of media is refused. `code` is stable. The text gives the author the cure."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def is_public(address: IPAddress) -> bool:
    """Return True if the address is public.

    An IPv4 address inside an IPv6 one (mapped or NAT64) is judged itself. Tunnels (6to4, Teredo) are never public,
    because their target is unknown.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or _behind_nat64(address)
        if inner is not None:
            return is_public(inner)
    if is_denied(address):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _behind_nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None


def check_url(url: str, *, allow_loopback: bool = False) -> None:
    """Check that `url` is https to a public host, by its name alone.

    `allow_loopback` (for the local stack) also accepts plain http to this machine.

    Raises: BadUrl when the URL is refused.
    """
    if longest_run(url) > MAX_MARKS:  # urlsplit normalises the host
        raise BadUrl("media_url_invalid", "This URL cannot be fetched. Remove the combining marks.")
    try:
        parts = urlsplit(url)
        host, _ = _plain(parts.hostname or ""), parts.port
    except ValueError:
        raise BadUrl("media_url_invalid", "This URL cannot be fetched. Check its host and port.") from None
    if _FORBIDDEN.search(url) or not host or parts.scheme not in ("http", "https"):
        raise BadUrl("media_url_invalid", "This URL cannot be fetched. Give a full https URL.")
    if "@" in parts.netloc:
        raise BadUrl("media_url_has_credentials", "Take the user name and password out of the URL.")
    if allow_loopback and _is_loopback(host):
        return
    if parts.scheme != "https":
        raise BadUrl("media_url_not_https", "Platforms fetch media over https only. Give an https URL.")
    if not _is_public_host(host):
        raise BadUrl("media_url_not_public", "Platforms cannot reach this host. Put the file on a public one.")


def _plain(host: str) -> str:
    """Normalise a host as resolvers do (UTS 46): wide letters and dots become plain, a last dot is dropped."""
    return unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().removesuffix(".")


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _literal(host)
    return address.is_loopback if address else host == "localhost" or host.endswith(".localhost")


def _is_public_host(host: str) -> bool:
    address = _literal(host)
    if address is not None:
        return is_public(address)
    labels = host.split(".")
    if len(labels) < 2 or not all(labels) or not _NAME.fullmatch(host) or _NUMERIC_LABEL.fullmatch(labels[-1]):
        return False  # 127.1, 0x7f.1 and 2130706433 are other spellings of an address
    return not any(f".{host}".endswith(f".{name}") for name in _LOCAL_NAMES)
