"""The addresses among the settings: plain http is for this machine, the local stack and hosts of ALLOW_HTTP_HOSTS.

Invariant: a host counts as this machine only if every resolver agrees: `localhost`, or a literal loopback address.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from app.settings.values import Settings

ALLOWED = "Hosts of a private network may be listed in ALLOW_HTTP_HOSTS"
#: What travels to each address, and why it must not be read or changed on the way.
REASONS = {
    "public_base_url": "reports and secrets travel over it",
    "qstash_url": "QSTASH_TOKEN and the posts' alarms travel over it",
    "n8n_webhook_url": "the posts and the accounts' tokens travel over it",
    "auth_jwks_url": "anyone who can change its answer can sign in as any user",
    "console_oidc_issuer": "anyone who can change its answer can sign in as any user",
    "linkedin_authorization_url": "tokens travel over it",
    "linkedin_token_url": "tokens travel over it",
    "linkedin_revocation_url": "tokens travel over it",
    "linkedin_userinfo_url": "tokens travel over it",
    "connect_return_url": "tokens travel over it",
    "sentry_dsn": "its key and the errors travel over it",
    "otel_exporter_otlp_endpoint": "the traces travel over it",
}


def transport_problems(s: Settings) -> list[tuple[bool, str, str]]:
    """Return (is wrong, setting, problem) for each address that must be https."""
    found = []
    for name, reason in REASONS.items():
        wrong = not s.local and any(is_plain(url, s.allow_http_hosts) for url in _urls(s, name))
        found.append((wrong, name.upper(), f"must be https, because {reason}. {ALLOWED}"))
    return found


def _urls(s: Settings, name: str) -> tuple[str, ...]:
    """Return the addresses of a setting. Only that of n8n may list several."""
    return s.n8n_webhook_urls if name == "n8n_webhook_url" else (getattr(s, name) or "",)


def is_this_machine(url: str) -> bool:
    """Return True if the URL's host is a loopback address of this machine."""
    host = (_host(url) or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def is_plain(url: str, allowed: tuple[str, ...]) -> bool:
    """Return True for http to another machine that is not in `allowed`."""
    return urlsplit(url).scheme == "http" and not is_this_machine(url) and _host(url) not in allowed


def _host(url: str) -> str | None:
    return urlsplit(url).hostname
