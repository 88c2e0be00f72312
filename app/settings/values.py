"""The settings as one frozen dataclass: the name, type, default and reader of each.

Invariant: no other file repeats a name, a default or a reader.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.settings import readers

SWEEP_PERIOD_SECONDS = 300.0  # the platform cron's period, fixed in vercel.json
DELIVERY_MARGIN_SECONDS = 30  # for a delivery's cold start, media and database work, beside its wait and n8n
#: Secrets with a former value, accepted beside the new one while callers change.
ROTATED_SECRETS = (
    *("auth_jwt_secret", "cron_secret", "n8n_callback_secret", "admin_secret_key", "internal_api_secret"),
)
READ = "read"  # the key of a field's reader in its metadata


class SettingsError(Exception):
    """The environment has bad settings. `problems` has one entry for each, with its cure."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Punctual cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))
        self.problems = problems


def setting(default: Any, read: Callable[[str], Any]) -> Any:
    """Declare a field with its default and the reader of its environment variable."""
    return field(default=default, metadata={READ: read})


@dataclass(frozen=True, repr=False)
class Settings:
    """All settings, typed. Durations are in seconds. An empty variable counts as unset."""

    database_url: str = setting("", readers.database_url)
    database_lock_timeout_seconds: float = setting(2.0, readers.duration)
    database_statement_timeout_seconds: float = setting(15.0, readers.duration)
    database_idle_transaction_timeout_seconds: float = setting(5.0, readers.duration)
    public_base_url: str | None = setting(None, readers.base_url)
    qstash_url: str = setting("https://qstash.upstash.io", readers.base_url)
    qstash_token: str | None = setting(None, readers.credential)
    qstash_current_signing_key: str | None = setting(None, readers.credential)
    qstash_next_signing_key: str | None = setting(None, readers.credential)
    qstash_max_delay_days: float = setting(7.0, readers.days)
    qstash_timeout_seconds: float = setting(5.0, readers.duration)
    qstash_retries: int = setting(3, readers.whole(0))
    dispatch_lead_seconds: float | None = setting(None, readers.duration_or_auto)  # None: auto
    dispatch_max_waiting: int = setting(64, readers.whole(0))
    cron_secret: str | None = setting(None, readers.secret_header)
    cron_secret_previous: str | None = setting(None, readers.secret_header)
    n8n_callback_secret: str | None = setting(None, readers.secret_header)
    n8n_callback_secret_previous: str | None = setting(None, readers.secret_header)
    callback_shared_secret_allowed: bool = setting(True, readers.flag)
    admin_secret_key: str | None = setting(None, readers.secret_header)
    admin_secret_key_previous: str | None = setting(None, readers.secret_header)
    internal_api_secret: str | None = setting(None, readers.secret_header)
    internal_api_secret_previous: str | None = setting(None, readers.secret_header)
    metrics_secret: str | None = setting(None, readers.secret_header)
    cors_origins: tuple[str, ...] = setting((), readers.origins)
    allow_http_hosts: tuple[str, ...] = setting((), readers.hosts)
    n8n_webhook_url: str | None = setting(None, readers.urls)  # one, or several with commas
    n8n_webhook_auth_header: str | None = setting(None, readers.header_line)
    n8n_timeout_seconds: float = setting(30.0, readers.duration)
    media_check_seconds: float = setting(2.0, readers.seconds_or_off(30))
    auth_jwt_secret: str | None = setting(None, readers.signing_secret)
    auth_jwt_secret_previous: str | None = setting(None, readers.signing_secret)
    auth_jwks_url: str | None = setting(None, readers.url)
    auth_issuer: str | None = setting(None, readers.line)
    auth_audience: str | None = setting(None, readers.line)
    console_oidc_issuer: str | None = setting(None, readers.url)
    console_oidc_client_id: str | None = setting(None, readers.line)
    console_oidc_client_secret: str | None = setting(None, readers.credential)
    max_token_lifetime_seconds: float = setting(31 * 86_400.0, readers.duration)
    token_encryption_keys: tuple[str, ...] = setting((), readers.fernet_keys)
    linkedin_client_id: str | None = setting(None, readers.credential)
    linkedin_client_secret: str | None = setting(None, readers.credential)
    linkedin_authorization_url: str = setting("https://www.linkedin.com/oauth/v2/authorization", readers.url)
    linkedin_token_url: str = setting("https://www.linkedin.com/oauth/v2/accessToken", readers.url)
    linkedin_revocation_url: str = setting("https://www.linkedin.com/oauth/v2/revoke", readers.url)
    linkedin_userinfo_url: str = setting("https://api.linkedin.com/v2/userinfo", readers.url)
    linkedin_scopes: tuple[str, ...] = setting(("openid", "profile", "w_member_social"), readers.scopes)
    linkedin_pkce: bool = setting(True, readers.flag)
    linkedin_timeout_seconds: float = setting(10.0, readers.duration)
    connect_return_url: str | None = setting(None, readers.url)
    token_refresh_ahead_days: float = setting(7.0, readers.days)
    armings_per_user_hour: int = setting(1_000, readers.whole(1))
    max_retries: int = setting(3, readers.whole(0))
    retry_base_seconds: float = setting(120.0, readers.duration)
    publish_lease_seconds: float = setting(480.0, readers.duration)
    unknown_outcome_policy: readers.UnknownOutcomePolicy = setting("auto", readers.policy)  # noqa: RUF009
    sweep_batch_size: int = setting(100, readers.whole(1))
    sweep_budget_seconds: float = setting(25.0, readers.duration)
    sweep_grace_seconds: float = setting(30.0, readers.duration)
    cron_concurrency: int = setting(5, readers.whole(1))
    poll_batch_size: int = setting(10, readers.whole(1))
    poll_concurrency: int = setting(5, readers.whole(1))
    poll_jitter_seconds: float = setting(0.0, readers.not_negative)
    max_lateness_seconds: float | None = setting(None, readers.duration)
    retention_days: float | None = setting(None, readers.days)
    audit_retention_days: float = setting(400.0, readers.days)
    breaker_threshold: int = setting(5, readers.whole(1))
    breaker_cooldown_seconds: float = setting(60.0, readers.duration)
    max_schedule_days: float = setting(730.0, readers.days)
    n8n_max_in_flight: int | None = setting(None, readers.whole_or_auto)  # None: auto
    n8n_parallelism: int | None = setting(None, readers.whole(1))
    account_spacing_seconds: float | None = setting(None, readers.duration)
    account_daily_cap: int | None = setting(None, readers.whole(1))
    rate_limits: bool = setting(True, readers.switch)
    rate_limit_reads: readers.Rate = setting(readers.Rate(1200, 60), readers.rate)  # noqa: RUF009
    rate_limit_writes: readers.Rate = setting(readers.Rate(1200, 60), readers.rate)  # noqa: RUF009
    rate_limit_public: readers.Rate = setting(readers.Rate(600, 60), readers.rate)  # noqa: RUF009
    rate_limit_media_checks: readers.Rate = setting(readers.Rate(60, 60), readers.rate)  # noqa: RUF009
    rate_limit_failed_proofs: readers.Rate = setting(readers.Rate(60, 60), readers.rate)  # noqa: RUF009
    trusted_proxies: int = setting(0, readers.proxies)
    quota_posts: int = setting(10_000, readers.quota)
    quota_draft_bytes: int = setting(50_000_000, readers.quota)
    quota_accounts: int = setting(500, readers.quota)
    quota_companies: int = setting(50, readers.quota)
    quota_members: int = setting(500, readers.quota)
    quota_clients: int = setting(2_000, readers.quota)
    quota_webhook_endpoints: int = setting(50, readers.quota)
    quota_idempotency: int = setting(50_000, readers.quota)
    quota_api_keys: int = setting(20, readers.quota)
    sentry_dsn: str | None = setting(None, readers.url)
    otel_exporter_otlp_endpoint: str | None = setting(None, readers.base_url)
    vercel_automation_bypass_secret: str | None = setting(None, readers.credential)
    vercel: bool = setting(False, readers.flag)
    local: bool = setting(False, readers.flag)

    def __repr__(self) -> str:
        return "Settings(…)"  # keeps the secrets out of tracebacks

    @property
    def poll_mode(self) -> bool:
        return self.qstash_token is None

    @property
    def n8n_webhook_urls(self) -> tuple[str, ...]:
        return tuple(self.n8n_webhook_url.split(",")) if self.n8n_webhook_url else ()

    @property
    def n8n_names(self) -> tuple[str, ...]:
        """The name of each n8n for people: `n8n` for a lone one, else its host and port, never its path."""
        hosts = [urlsplit(url).netloc.rpartition("@")[2] for url in self.n8n_webhook_urls]
        if len(hosts) < 2:
            return ("n8n",)
        return tuple(
            host if hosts.count(host) == 1 else f"{host} ({number})" for number, host in enumerate(hosts, start=1)
        )

    @property
    def message_timeout_seconds(self) -> int:
        """The time that QStash gives a delivery."""
        return math.ceil(self.longest_lead_seconds + self.n8n_timeout_seconds + DELIVERY_MARGIN_SECONDS)

    @property
    def auto_lead_seconds(self) -> tuple[float, float]:
        """The bounds of the automatic lead. Vercel may have to start an instance first, and ends long requests."""
        return (3.0, 10.0) if self.vercel else (1.0, 15.0)

    @property
    def longest_lead_seconds(self) -> float:
        """The longest time that a delivery may be planned ahead of its instant."""
        return self.dispatch_lead_seconds or self.auto_lead_seconds[1]

    @property
    def room_wait_seconds(self) -> float:
        """The longest time from a delivery's arrival to its claim. Then n8n can still answer within the request."""
        beyond = self.media_check_seconds if self.vercel else DELIVERY_MARGIN_SECONDS / 2
        return self.longest_lead_seconds + beyond

    @property
    def dispatch_url(self) -> str:
        return f"{self.public_base_url}/api/posts/dispatch"

    @property
    def dispatch_failed_url(self) -> str:
        return f"{self.public_base_url}/api/posts/dispatch-failed"

    @property
    def event_delivery_url(self) -> str:
        return f"{self.public_base_url}/api/webhooks/deliver"

    @property
    def recover_url(self) -> str:
        return f"{self.public_base_url}/api/posts/recover"

    @property
    def sign_in_callback_url(self) -> str:
        return f"{self.public_base_url}/console/oidc/callback"

    @property
    def connect_callback_url(self) -> str:
        return f"{self.public_base_url}/api/social-accounts/linkedin/callback"
