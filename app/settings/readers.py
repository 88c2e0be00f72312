"""Readers of environment variables. Each turns text into a typed value.

A reader raises ValueError with the rest of a sentence that begins with the variable's name: "must be …".
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable
from typing import Literal, NamedTuple, cast, get_args
from urllib.parse import urlsplit

from app.settings.database_urls import read_database_url as database_url
from app.settings.pasted import fits_header, trim
from app.settings.weak import is_placeholder, key_weakness, weakness

__all__ = ["database_url"]  # the other readers are defined here

MIN_SECRET_LENGTH = 16
MIN_SIGNING_BYTES = 32  # RFC 7518, 3.2: a key of HS256 is as long as its hash
MAKE_ONE = "Make one with: openssl rand -hex 32"
MAKE_A_KEY = "Make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
HEADER_ONLY = "must have visible ASCII characters only, because it is sent in an HTTP header,"
LARGEST = 1e9  # seconds of any duration. Instants then stay inside the calendar.
LARGEST_DAYS = 36_500
LARGEST_COUNT = 999_999
MAX_PROXIES = 10
MAX_URLS = 8
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
DEFAULT_PORTS = {"http": 80, "https": 443}

UnknownOutcomePolicy = Literal["auto", "retry", "hold"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(r"https?://[a-z0-9._-]+(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=", re.ASCII)
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*", re.ASCII
)
_SCOPE = re.compile(r"[!#-\[\]-~]{1,100}", re.ASCII)  # RFC 6749, 3.3: a scope-token
_RATE = re.compile(r"([1-9]\d{0,6})/(second|minute|hour|day)", re.ASCII)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110, 5.6.2: a token


class Rate(NamedTuple):
    """At most `amount` calls within `seconds`."""

    amount: int
    seconds: int


def positive(largest: float) -> Callable[[str], float]:
    def read(raw: str) -> float:
        value = float(raw) if _NUMBER.fullmatch(raw) else -1.0
        if not 0 < value < largest:
            raise ValueError(f"must be a positive number below {largest:,.0f}. Fractions are allowed")
        return value

    return read


def duration_or_auto(raw: str) -> float | None:
    """Read a duration. Returns None for `auto`."""
    if raw.lower() == "auto":
        return None
    try:
        return duration(raw)
    except ValueError as error:
        raise ValueError(f"{error}. Or auto") from None


def not_negative(raw: str) -> float:
    return 0.0 if _NUMBER.fullmatch(raw) and float(raw) == 0 else positive(LARGEST)(raw)


def whole(minimum: int) -> Callable[[str], int]:
    def read(raw: str) -> int:
        plain = raw.isascii() and raw.isdigit() and len(raw) < 20
        if not plain or not minimum <= int(raw) <= LARGEST_COUNT:
            raise ValueError(f"must be a whole number, {minimum} or more and at most {LARGEST_COUNT}")
        return int(raw)

    return read


def whole_or_auto(raw: str) -> int | None:
    """Read a whole number from 1. Returns None for `auto`."""
    if raw.lower() == "auto":
        return None
    try:
        return whole(1)(raw)
    except ValueError as error:
        raise ValueError(f"{error}. Or auto") from None


def quota(raw: str) -> int:
    """Read the most things of a kind, 0 for no quota."""
    if not (raw.isascii() and raw.isdigit() and len(raw) < 16):
        raise ValueError("must be a whole number, or 0 for no quota")
    return int(raw)


def rate(raw: str) -> Rate:
    found = _RATE.fullmatch(raw.replace(" ", "").lower())
    if not found:
        raise ValueError("must be a number of calls per second, minute, hour or day, such as 300/minute")
    return Rate(int(found[1]), UNITS[found[2]])


def proxies(raw: str) -> int:
    if not (raw.isascii() and raw.isdigit() and len(raw) < 3 and int(raw) <= MAX_PROXIES):
        raise ValueError(f"must be the number of proxies in front of this app, 0 to {MAX_PROXIES}")
    return int(raw)


def switch(raw: str) -> bool:
    if raw.lower() not in ("on", "off", "0", "1", "true", "false"):
        raise ValueError("must be on or off")
    return raw.lower() in ("on", "1", "true")


def seconds_or_off(longest: float) -> Callable[[str], float]:
    def read(raw: str) -> float:
        value = float(raw) if _NUMBER.fullmatch(raw) else -1.0
        if not 0 <= value <= longest:
            raise ValueError(f"must be a number of seconds up to {longest:g}, or 0 to switch it off")
        return value

    return read


def secret(raw: str) -> str:
    if len(raw) < MIN_SECRET_LENGTH:
        raise ValueError(f"must have at least {MIN_SECRET_LENGTH} characters. {MAKE_ONE}")
    problem = weakness(raw)
    if problem is not None:
        raise ValueError(f"must be random, but {problem}. {MAKE_ONE}")
    return raw


def signing_secret(raw: str) -> str:
    if len(raw.encode("utf-8", "replace")) < MIN_SIGNING_BYTES:
        raise ValueError(f"must have at least {MIN_SIGNING_BYTES} bytes, because it signs users' tokens. {MAKE_ONE}")
    return secret(raw)


def secret_header(raw: str) -> str:
    """Read a secret for HTTP headers. Inner spaces are allowed."""
    if not fits_header(secret(raw).replace(" ", "")):
        raise ValueError(f"{HEADER_ONLY}. {MAKE_ONE}")
    return raw


def credential(raw: str) -> str:
    if not fits_header(raw):
        raise ValueError(f"{HEADER_ONLY} and no spaces. Copy it again, as one line")
    if is_placeholder(raw):
        raise ValueError("must not be a placeholder. Copy it from the console of its service")
    return raw


def line(raw: str) -> str:
    if not raw.isprintable():
        raise ValueError("must be one line of printable characters. Copy it again")
    return raw


def url(raw: str) -> str:
    try:
        parts = urlsplit(raw)
        _ = parts.port  # raises ValueError where the port is no number
    except ValueError:
        raise ValueError("must be a URL, such as https://example.com/path") from None
    readable = raw.isascii() and raw.isprintable() and " " not in raw
    if parts.scheme not in ("http", "https") or not parts.hostname or not readable:
        raise ValueError("must be a full URL, such as https://example.com/path")
    return raw


def urls(raw: str) -> str:
    """Read one URL, or several different ones with commas between them. Returns them without spaces."""
    found = [url(trim(part)) for part in raw.split(",")]
    if len(found) > MAX_URLS:
        raise ValueError(f"must list at most {MAX_URLS} URLs")
    if len({_normal(each) for each in found}) < len(found):
        raise ValueError("must list each URL once")
    return ",".join(found)


def _normal(raw: str) -> tuple[str, ...]:
    """Return a URL's parts in the form in which two spellings of one address are equal."""
    parts = urlsplit(raw)
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    return parts.scheme, parts.hostname or "", str(port), parts.path or "/", parts.query


def base_url(raw: str) -> str:
    if "?" in url(raw) or "#" in raw:
        raise ValueError("must have no query or fragment")
    return raw.rstrip("/")


def origins(raw: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_origin(part) for part in _parts(raw)))


def _origin(raw: str) -> str:
    """Return the origin as browsers send it: in lower case, without a default port."""
    origin = raw.rstrip("/")
    if origin == "*":
        return origin
    if not _ORIGIN.fullmatch(url(origin)):  # flask-cors reads patterns as regular expressions
        raise ValueError("must list origins such as https://app.example.com: no path, no pattern, or * alone")
    parts = urlsplit(origin)
    port = "" if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"


def _parts(raw: str) -> list[str]:
    return [part for part in map(trim, raw.split(",")) if part]


def scopes(raw: str) -> tuple[str, ...]:
    scopes = tuple(raw.replace(",", " ").split())
    if not scopes or not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise ValueError("must list OAuth scopes, such as: openid profile w_member_social")
    return scopes


def fernet_keys(raw: str) -> tuple[str, ...]:
    keys = tuple(_parts(raw))
    for key in keys:
        if not _FERNET_KEY.fullmatch(key) or len(base64.urlsafe_b64decode(key)) != 32:
            raise ValueError(f"must be Fernet keys (32 bytes, urlsafe base64), comma-separated. {MAKE_A_KEY}")
        problem = key_weakness(base64.urlsafe_b64decode(key))
        if problem is not None:
            raise ValueError(f"must be random keys, but in one {problem}. {MAKE_A_KEY}")
    return keys


def hosts(raw: str) -> tuple[str, ...]:
    """Read host names and addresses as urlsplit returns them: in lower case, IPv6 without brackets."""
    found = tuple(dict.fromkeys(part.lower().removeprefix("[").removesuffix("]") for part in _parts(raw)))
    if not all(_HOST.fullmatch(host) or _is_address(host) for host in found):
        raise ValueError("must list host names, such as n8n,qstash: no scheme, port, path or pattern")
    return found


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def header_line(raw: str) -> str:
    name, colon, value = raw.partition(":")
    name, value = trim(name), trim(value)
    plain = value.isascii() and value.isprintable() and _HEADER_NAME.fullmatch(name)
    if not colon or not plain or not value:
        raise ValueError("must be one header line, such as X-Api-Key: value")
    return f"{name}: {value}"


def policy(raw: str) -> UnknownOutcomePolicy:
    if raw not in get_args(UnknownOutcomePolicy):
        raise ValueError("must be auto, retry or hold")
    return cast(UnknownOutcomePolicy, raw)


def flag(raw: str) -> bool:
    if raw.lower() not in ("0", "1", "true", "false"):
        raise ValueError("must be 1 or 0")
    return raw.lower() in ("1", "true")


duration = positive(LARGEST)
days = positive(LARGEST_DAYS)
