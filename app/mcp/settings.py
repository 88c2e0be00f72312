"""The settings of the server of agents, from its environment.

Invariant: the token and the secret are in no text form of the settings.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

MAX_TOKEN = 8192
MIN_SECRET = 32
VISIBLE = re.compile(r"[!-~]+")


class SettingsError(Exception):
    """At least one setting is wrong. The text names all of them with their cures."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`time_zone` shows the times of posts without a zone. `secret` is the proof of callers over HTTP, if set."""

    url: str
    token: str = field(repr=False)
    time_zone: str = "UTC"
    secret: str | None = field(default=None, repr=False)

    @property
    def is_loopback(self) -> bool:
        return is_loopback(urlsplit(self.url).hostname or "")


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read all settings.

    Raises: SettingsError.
    """
    settings = Settings(
        environ.get("PUNCTUAL_URL", "").strip().rstrip("/"),
        environ.get("PUNCTUAL_TOKEN", "").strip(),
        environ.get("PUNCTUAL_TIME_ZONE", "").strip() or "UTC",
        environ.get("PUNCTUAL_MCP_SECRET", "").strip() or None,
    )
    checks = (_check_url(settings.url), _check_token(settings.token), _check_zone(settings.time_zone))
    problems = [problem for problem in (*checks, _check_secret(settings.secret)) if problem]
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def is_loopback(host: str) -> bool:
    """Return True for localhost and for the loopback addresses of IPv4 and IPv6."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_url(url: str) -> str | None:
    cure = "PUNCTUAL_URL: set it to the address of Punctual, such as https://punctual.example.com"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"{cure}."
    if parts.scheme not in ("http", "https") or not host:
        return f"{cure}."
    if parts.username is not None or parts.query or parts.fragment:
        return f"{cure}, without a user, a query or a fragment."
    if parts.scheme == "http" and not is_loopback(host):
        return f"{cure}. http would show the token to the network, and is for loopback alone."
    return None


def _check_token(token: str) -> str | None:
    if not token:
        return "PUNCTUAL_TOKEN: set it to a personal key (pk_…, made by POST /api/keys) or to a user's JWT."
    if len(token) > MAX_TOKEN or not VISIBLE.fullmatch(token):
        return f"PUNCTUAL_TOKEN: it takes at most {MAX_TOKEN} visible ASCII characters. Paste the key again."
    return None


def _check_zone(name: str) -> str | None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return "PUNCTUAL_TIME_ZONE: set it to an IANA name, such as Europe/Berlin."
    return None


def _check_secret(secret: str | None) -> str | None:
    if secret is not None and (len(secret) < MIN_SECRET or not VISIBLE.fullmatch(secret)):
        return f"PUNCTUAL_MCP_SECRET: it takes at least {MIN_SECRET} visible ASCII characters."
    return None
