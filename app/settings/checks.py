"""Checks between settings: contradictions, and settings that need another one."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.settings.values import SWEEP_PERIOD_SECONDS, Settings

DAY_SECONDS = 86_400.0
MAX_JITTER_SECONDS = 30.0
MAX_SPACING_SECONDS = 86_400.0
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


def contradictions(s: Settings, *, on_vercel: bool) -> list[tuple[str, str]]:
    """Return (setting, problem) for each contradiction between settings and each missing partner."""
    return [(name, problem) for wrong, name, problem in [*_addresses(s, on_vercel), *_spans(s)] if wrong]


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
            (s.account_spacing_seconds or 0) > MAX_SPACING_SECONDS,
            "ACCOUNT_SPACING_SECONDS",
            f"must be {MAX_SPACING_SECONDS:g} or less: posts wait one behind the other",
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
