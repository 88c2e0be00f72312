"""Which addresses are open to everybody: those that a platform can fetch from, and that we may ask without harm.

Sources: IANA's special-purpose address registries, by way of Python's `ipaddress`; RFC 6761, 6762, 8375 and ICANN's
resolution on `.internal` for names that never mean a public host; WHATWG URL, "ends in a number".
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from urllib.parse import urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "lan", "onion", "invalid")
_NUMERIC_LABEL = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_NAME = re.compile(r"[\w.-]+")  # no %: some clients decode a host's escapes
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")  # what clients disagree about is where confusion of hosts begins


class BadUrl(ValueError):
    """`code` is stable; the text tells the author what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def is_public(address: IPAddress) -> bool:
    """Whether the whole internet may be meant by it. An IPv4 address inside an IPv6 one counts as itself; tunnels
    (6to4, Teredo) lead who knows where."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or _behind_nat64(address)
        if inner is not None:
            return is_public(inner)
        if address not in _GLOBAL_UNICAST or address.sixtofour or address.teredo:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _behind_nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def check_url(url: str, *, allow_loopback: bool = False) -> None:
    """Raises BadUrl unless `url` is https to a host that is public by its name. `allow_loopback` (the local stack)
    also lets plain http to this very machine through."""
    try:
        parts = urlsplit(url)
        host, _ = _plain(parts.hostname or ""), parts.port
    except ValueError:
        raise BadUrl("media_url_invalid", "This is not a URL that can be fetched; check its host and port.") from None
    if _FORBIDDEN.search(url) or not host or parts.scheme not in ("http", "https"):
        raise BadUrl("media_url_invalid", "This is not a URL that can be fetched; give a full https URL.")
    if "@" in parts.netloc:
        raise BadUrl("media_url_has_credentials", "Take the user name and password out of the URL.")
    if allow_loopback and _is_loopback(host):
        return
    if parts.scheme != "https":
        raise BadUrl("media_url_not_https", "Platforms fetch media over https only; give an https URL.")
    if not _is_public_host(host):
        raise BadUrl("media_url_not_public", "Platforms cannot reach this host; put the file on a public one.")


def _plain(host: str) -> str:
    """As resolvers read it: wide letters and dots of other scripts are the plain ones (UTS 46), a last dot is none."""
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
        return False  # 127.1, 0x7f.1 and 2130706433 are addresses in disguise
    return not any(f".{host}".endswith(f".{name}") for name in _LOCAL_NAMES)
