"""Settings: one frozen dataclass from the environment. Every problem is found and reported at once, with its cure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.environment import READERS, as_text

SWEEP_PERIOD_SECONDS = 300.0  # the platform cron's period, fixed in vercel.json
DAY_SECONDS = 86_400.0
MAX_JITTER_SECONDS = 30.0
LONGEST_SPACING_SECONDS = 86_400.0
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class SettingsError(Exception):
    """The environment does not make a working app. `problems` has one sentence per setting, each with what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Punctual cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, repr=False)
class Settings:
    """All settings, typed. Durations are seconds, as floats. An empty variable counts as unset."""

    database_url: str = ""
    public_base_url: str | None = None
    qstash_url: str = "https://qstash.upstash.io"
    qstash_token: str | None = None
    qstash_current_signing_key: str | None = None
    qstash_next_signing_key: str | None = None
    qstash_max_delay_days: float = 7.0
    qstash_timeout_seconds: float = 5.0
    qstash_retries: int = 3
    dispatch_lead_seconds: float = 1.0
    dispatch_max_waiting: int = 64
    cron_secret: str | None = None
    n8n_callback_secret: str | None = None
    admin_secret_key: str | None = None
    internal_api_secret: str | None = None
    cors_origins: tuple[str, ...] = ()
    n8n_webhook_url: str | None = None
    n8n_webhook_auth_header: str | None = None
    n8n_timeout_seconds: float = 30.0
    media_check_seconds: float = 2.0
    auth_jwt_secret: str | None = None
    auth_jwks_url: str | None = None
    auth_issuer: str | None = None
    auth_audience: str | None = None
    token_encryption_keys: tuple[str, ...] = ()
    linkedin_client_id: str | None = None
    linkedin_client_secret: str | None = None
    linkedin_authorization_url: str = "https://www.linkedin.com/oauth/v2/authorization"
    linkedin_token_url: str = "https://www.linkedin.com/oauth/v2/accessToken"  # noqa: S105  (an address)
    linkedin_userinfo_url: str = "https://api.linkedin.com/v2/userinfo"
    linkedin_scopes: tuple[str, ...] = ("openid", "profile", "w_member_social")
    linkedin_pkce: bool = True
    linkedin_timeout_seconds: float = 10.0
    connect_return_url: str | None = None
    token_refresh_ahead_days: float = 7.0
    max_retries: int = 3
    retry_base_seconds: float = 120.0
    publish_lease_seconds: float = 600.0
    unknown_outcome_policy: str = "auto"
    sweep_batch_size: int = 100
    sweep_budget_seconds: float = 25.0
    sweep_grace_seconds: float = 30.0
    cron_concurrency: int = 5
    poll_batch_size: int = 10
    poll_concurrency: int = 5
    poll_jitter_seconds: float = 0.0
    max_lateness_seconds: float | None = None
    retention_days: float | None = None
    breaker_threshold: int = 5
    breaker_cooldown_seconds: float = 60.0
    max_schedule_days: float = 730.0
    n8n_parallelism: int | None = None
    account_spacing_seconds: float | None = None
    account_daily_cap: int | None = None
    vercel_automation_bypass_secret: str | None = None
    local: bool = False

    def __repr__(self) -> str:
        return "Settings(…)"  # never the secrets, not even in a traceback

    @property
    def poll_mode(self) -> bool:
        return self.qstash_token is None

    @property
    def dispatch_url(self) -> str:
        return f"{self.public_base_url}/api/posts/dispatch"

    @property
    def dispatch_failed_url(self) -> str:
        return f"{self.public_base_url}/api/posts/dispatch-failed"

    @property
    def recover_url(self) -> str:
        return f"{self.public_base_url}/api/posts/recover"

    @property
    def connect_callback_url(self) -> str:
        return f"{self.public_base_url}/api/social-accounts/linkedin/callback"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read every setting. Raises SettingsError naming all that is wrong."""
        problems: dict[str, str] = {}
        values: dict[str, Any] = {}
        for spec in fields(cls):
            name = "PUNCTUAL_LOCAL" if spec.name == "local" else spec.name.upper()
            raw = environ.get(name, "").strip()
            if raw:
                try:
                    values[spec.name] = READERS.get(spec.name, as_text)(raw)
                except ValueError as error:
                    problems[name] = str(error)
        _fill_defaults(values, environ)
        settings = cls(**values)
        for name, problem in _relations(settings, environ):
            problems.setdefault(name, problem)  # one cause is said once
        if problems:
            raise SettingsError([f"{name} {problem}" for name, problem in problems.items()])
        return settings


def _fill_defaults(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Defaults that depend on where we run: the database file, and the platform's name for our public address."""
    if "database_url" not in values:
        instance = Path(__file__).resolve().parent.parent / "instance"
        values["database_url"] = f"sqlite:///{instance / 'punctual.sqlite3'}"
    host = environ.get("VERCEL_PROJECT_PRODUCTION_URL", "").strip()
    if "public_base_url" not in values and host and environ.get("VERCEL_ENV") == "production":
        values["public_base_url"] = f"https://{host.rstrip('/')}"


def _relations(s: Settings, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """What single settings cannot show: contradictions, and what one needs of another. (setting, problem) each."""
    checks = [*_addresses(s, environ.get("VERCEL") == "1"), *_spans(s)]
    return [(name, problem) for wrong, name, problem in checks if wrong]


def _addresses(s: Settings, on_vercel: bool) -> list[tuple[bool, str, str]]:
    return [
        (
            on_vercel and s.database_url.startswith("sqlite"),
            "DATABASE_URL",
            "must be a PostgreSQL URL on Vercel, where files do not last: set it to your database's",
        ),
        (
            not s.poll_mode and not s.public_base_url,
            "PUBLIC_BASE_URL",
            "is missing: QStash must be told where to deliver; set it to this app's public https URL",
        ),
        (
            not s.poll_mode and not s.qstash_current_signing_key,
            "QSTASH_CURRENT_SIGNING_KEY",
            "is missing: with QSTASH_TOKEN set, deliveries cannot be verified without it; "
            "copy it from the QStash console",
        ),
        (
            bool(s.public_base_url) and not s.local and not _is_safe(s.public_base_url or ""),
            "PUBLIC_BASE_URL",
            "must be https: posts' reports and secrets travel over it",
        ),
        (
            bool(s.auth_jwks_url) and not s.local and not _is_safe(s.auth_jwks_url or ""),
            "AUTH_JWKS_URL",
            "must be https: whoever can change its answer can sign in as anybody",
        ),
        (
            bool(s.linkedin_client_id) != bool(s.linkedin_client_secret),
            "LINKEDIN_CLIENT_SECRET" if s.linkedin_client_id else "LINKEDIN_CLIENT_ID",
            "is missing: accounts are connected with both; copy it from the LinkedIn app's Auth page",
        ),
        *(
            (not s.local and not _is_safe(url), name, "must be https: tokens and members travel over it")
            for name, url in _oauth_urls(s)
        ),
        (
            bool(s.auth_jwt_secret and s.auth_jwks_url),
            "AUTH_JWT_SECRET",
            "and AUTH_JWKS_URL contradict each other: keep the one that signs your users' tokens",
        ),
        (
            "/webhook-test/" in (s.n8n_webhook_url or "") and not s.local,
            "N8N_WEBHOOK_URL",
            "is a test URL, which works once after a click in the editor: use the /webhook/ URL",
        ),
    ]


def _spans(s: Settings) -> list[tuple[bool, str, str]]:
    return [
        (
            s.publish_lease_seconds <= s.n8n_timeout_seconds,
            "PUBLISH_LEASE_SECONDS",
            f"({s.publish_lease_seconds:g}) must be longer than N8N_TIMEOUT_SECONDS "
            f"({s.n8n_timeout_seconds:g}), or a post could be taken over while it is being sent",
        ),
        (
            s.retention_days is not None and s.retention_days * DAY_SECONDS <= s.publish_lease_seconds,
            "RETENTION_DAYS",
            f"must be longer than PUBLISH_LEASE_SECONDS ({s.publish_lease_seconds:g}), or a report on its way "
            "would find its post gone",
        ),
        (
            s.sweep_budget_seconds >= SWEEP_PERIOD_SECONDS,
            "SWEEP_BUDGET_SECONDS",
            f"must be shorter than the sweep's period of {SWEEP_PERIOD_SECONDS:g} seconds",
        ),
        (
            s.poll_jitter_seconds > MAX_JITTER_SECONDS,
            "POLL_JITTER_SECONDS",
            f"must be {MAX_JITTER_SECONDS:g} or less: the cron's request waits that long before it begins",
        ),
        (
            (s.account_spacing_seconds or 0) > LONGEST_SPACING_SECONDS,
            "ACCOUNT_SPACING_SECONDS",
            f"must be {LONGEST_SPACING_SECONDS:g} or less: posts wait one behind the other",
        ),
        (
            s.dispatch_lead_seconds > 30,
            "DISPATCH_LEAD_SECONDS",
            "must be 30 or less: a delivery waits that long with a worker in hand",
        ),
    ]


def _oauth_urls(s: Settings) -> list[tuple[str, str]]:
    return [
        ("LINKEDIN_AUTHORIZATION_URL", s.linkedin_authorization_url),
        ("LINKEDIN_TOKEN_URL", s.linkedin_token_url),
        ("LINKEDIN_USERINFO_URL", s.linkedin_userinfo_url),
        ("CONNECT_RETURN_URL", s.connect_return_url or "https://unset"),
    ]


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK_HOSTS
