"""How each environment variable is read: text in, a typed value or a sentence that says what it must be."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

MIN_SECRET_LENGTH = 16
LARGEST = 1e9  # of any duration in seconds; a bound that keeps instants inside the calendar
LARGEST_DAYS = 36_500
LARGEST_COUNT = 999_999

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=", re.ASCII)
_SCOPE = re.compile(r"[!#-\[\]-~]{1,100}", re.ASCII)  # RFC 6749, 3.3: a scope-token
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110, 5.6.2: a token


def as_text(raw: str) -> str:
    return raw


def _positive(largest: float) -> Callable[[str], float]:
    def read(raw: str) -> float:
        value = float(raw) if _NUMBER.fullmatch(raw) else -1.0
        if not 0 < value < largest:
            raise ValueError(f"must be a positive number below {largest:,.0f}; fractions are fine")
        return value

    return read


def _not_negative(raw: str) -> float:
    return 0.0 if _NUMBER.fullmatch(raw) and float(raw) == 0 else _positive(LARGEST)(raw)


def _whole(minimum: int) -> Callable[[str], int]:
    def read(raw: str) -> int:
        plain = raw.isascii() and raw.isdigit() and len(raw) < 20
        if not plain or not minimum <= int(raw) <= LARGEST_COUNT:
            raise ValueError(f"must be a whole number, {minimum} or more and at most {LARGEST_COUNT}")
        return int(raw)

    return read


def _seconds_or_off(longest: float) -> Callable[[str], float]:
    def read(raw: str) -> float:
        value = float(raw) if _NUMBER.fullmatch(raw) else -1.0
        if not 0 <= value <= longest:
            raise ValueError(f"must be a number of seconds up to {longest:g}, or 0 to switch it off")
        return value

    return read


def _secret(raw: str) -> str:
    if len(raw) < MIN_SECRET_LENGTH:
        raise ValueError(f"must have at least {MIN_SECRET_LENGTH} characters; make one with: openssl rand -hex 32")
    return raw


def _url(raw: str) -> str:
    try:
        parts = urlsplit(raw)
        _ = parts.port  # raises ValueError for a port that is no number
    except ValueError:
        raise ValueError("must be a URL, such as https://example.com/path") from None
    readable = raw.isascii() and raw.isprintable() and " " not in raw
    if parts.scheme not in ("http", "https") or not parts.hostname or not readable:
        raise ValueError("must be a full URL, such as https://example.com/path")
    return raw


def _base_url(raw: str) -> str:
    if "?" in _url(raw) or "#" in raw:
        raise ValueError("must have no query or fragment")
    return raw.rstrip("/")


def _database_url(raw: str) -> str:
    if not raw.startswith(("postgres://", "postgresql://", "postgresql+psycopg2://", "sqlite:///")):
        raise ValueError("must start with postgres://, postgresql:// or sqlite:///")
    return raw


def _origins(raw: str) -> tuple[str, ...]:
    origins = tuple(part.strip().rstrip("/") for part in raw.split(",") if part.strip())
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(_url(origin)):  # a pattern would be read as a regular expression
            raise ValueError("must list origins such as https://app.example.com: no path, no pattern, or * alone")
    return origins


def _scopes(raw: str) -> tuple[str, ...]:
    scopes = tuple(raw.replace(",", " ").split())
    if not scopes or not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise ValueError("must list OAuth scopes, such as: openid profile w_member_social")
    return scopes


def _fernet_keys(raw: str) -> tuple[str, ...]:
    keys = tuple(part.strip() for part in raw.split(",") if part.strip())
    for key in keys:
        if not _FERNET_KEY.fullmatch(key) or len(base64.urlsafe_b64decode(key)) != 32:
            raise ValueError(
                "must be Fernet keys (32 bytes, urlsafe base64), comma-separated; make one with: "
                "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
            )
    return keys


def _header(raw: str) -> str:
    name, colon, value = raw.partition(":")
    plain = raw.isascii() and raw.isprintable() and _HEADER_NAME.fullmatch(name.strip())
    if not colon or not plain or not value.strip():
        raise ValueError("must be one header line, such as X-Api-Key: value")
    return f"{name.strip()}: {value.strip()}"


def _policy(raw: str) -> str:
    if raw not in ("auto", "retry", "hold"):
        raise ValueError("must be auto, retry or hold")
    return raw


def _flag(raw: str) -> bool:
    if raw.lower() not in ("0", "1", "true", "false"):
        raise ValueError("must be 1 or 0")
    return raw.lower() in ("1", "true")


READERS: dict[str, Callable[[str], Any]] = {
    "database_url": _database_url,
    "public_base_url": _base_url,
    "qstash_url": _base_url,
    "qstash_retries": _whole(0),
    "dispatch_max_waiting": _whole(0),
    "cors_origins": _origins,
    "n8n_webhook_url": _url,
    "n8n_webhook_auth_header": _header,
    "media_check_seconds": _seconds_or_off(30),
    "auth_jwks_url": _url,
    "token_encryption_keys": _fernet_keys,
    "linkedin_authorization_url": _url,
    "linkedin_token_url": _url,
    "linkedin_userinfo_url": _url,
    "linkedin_scopes": _scopes,
    "linkedin_pkce": _flag,
    "connect_return_url": _url,
    "max_retries": _whole(0),
    "unknown_outcome_policy": _policy,
    "sweep_batch_size": _whole(1),
    "cron_concurrency": _whole(1),
    "poll_batch_size": _whole(1),
    "poll_concurrency": _whole(1),
    "poll_jitter_seconds": _not_negative,
    "breaker_threshold": _whole(1),
    "n8n_parallelism": _whole(1),
    "account_daily_cap": _whole(1),
    "local": _flag,
}
_DURATIONS = """
    qstash_timeout_seconds dispatch_lead_seconds n8n_timeout_seconds retry_base_seconds linkedin_timeout_seconds
    publish_lease_seconds sweep_budget_seconds sweep_grace_seconds max_lateness_seconds breaker_cooldown_seconds
    account_spacing_seconds
"""
_DAYS = "qstash_max_delay_days max_schedule_days retention_days token_refresh_ahead_days"
_SECRETS = "cron_secret n8n_callback_secret admin_secret_key internal_api_secret auth_jwt_secret"
READERS |= (
    dict.fromkeys(_DURATIONS.split(), _positive(LARGEST))
    | dict.fromkeys(_DAYS.split(), _positive(LARGEST_DAYS))
    | dict.fromkeys(_SECRETS.split(), _secret)
)
