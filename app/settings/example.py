"""Write `.env.example` from the Settings: `python -m app.settings.example > .env.example`.

Invariant: each setting is in one group, with its default. `tests/test_env_example.py` compares the file.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Any

from app.settings.readers import Rate
from app.settings.values import Settings

HEAD = """\
# The settings of Punctual, as environment variables. Copy this file and fill in what you need. Compose reads .env, and
# systemd an EnvironmentFile. The app itself reads no file: set -a; . ./.env; set +a. Quote spaces, & and $: 'a b'.
# An empty or missing variable has its default, shown behind the `#`. docs/settings.md explains each.
# Written by `python -m app.settings.example`.
"""
#: Each group: its title, a sentence about it, and its settings. Those with a `!` have to be set in production.
GROUPS: tuple[tuple[str, str, str], ...] = (
    (
        "Database and address",
        "The pooled address of PostgreSQL, and the public https address of this app.",
        "!database_url !public_base_url database_lock_timeout_seconds database_statement_timeout_seconds"
        " database_idle_transaction_timeout_seconds allow_http_hosts trusted_proxies",
    ),
    (
        "Secrets",
        "Each its own: openssl rand -hex 32. TOKEN_ENCRYPTION_KEYS: see docs/settings.md.",
        "!cron_secret !n8n_callback_secret !token_encryption_keys admin_secret_key internal_api_secret"
        " callback_shared_secret_allowed",
    ),
    (
        "Users' tokens",
        "AUTH_JWT_SECRET, or AUTH_JWKS_URL with AUTH_ISSUER and AUTH_AUDIENCE.",
        "!auth_jwt_secret auth_jwks_url auth_issuer auth_audience max_token_lifetime_seconds cors_origins",
    ),
    (
        "n8n",
        "The production URL of the webhook.",
        "!n8n_webhook_url n8n_webhook_auth_header n8n_timeout_seconds n8n_max_in_flight media_check_seconds",
    ),
    (
        "QStash",
        "From its console. Without a token the app runs in poll mode.",
        "qstash_token qstash_current_signing_key qstash_next_signing_key qstash_url qstash_max_delay_days"
        " qstash_timeout_seconds qstash_retries n8n_parallelism dispatch_lead_seconds dispatch_max_waiting"
        " armings_per_user_hour",
    ),
    (
        "LinkedIn",
        "Of your LinkedIn app, so that members connect by consent and their tokens are renewed.",
        "linkedin_client_id linkedin_client_secret connect_return_url linkedin_scopes linkedin_pkce"
        " linkedin_timeout_seconds linkedin_authorization_url linkedin_token_url linkedin_userinfo_url"
        " linkedin_revocation_url token_refresh_ahead_days",
    ),
    (
        "Tries and the breaker",
        "What happens when n8n or a platform fails.",
        "max_retries retry_base_seconds publish_lease_seconds unknown_outcome_policy max_lateness_seconds"
        " breaker_threshold breaker_cooldown_seconds",
    ),
    (
        "Pace of an account",
        "Unset: posts of one account may follow each other at once.",
        "account_spacing_seconds account_daily_cap max_schedule_days",
    ),
    (
        "Sweep and poll mode",
        "The bounds of one run.",
        "sweep_batch_size sweep_budget_seconds sweep_grace_seconds cron_concurrency poll_batch_size poll_concurrency"
        " poll_jitter_seconds retention_days audit_retention_days",
    ),
    (
        "Limits and quotas",
        "0 is no quota.",
        "rate_limits rate_limit_reads rate_limit_writes rate_limit_public rate_limit_media_checks"
        " rate_limit_failed_proofs quota_posts quota_draft_bytes quota_accounts quota_companies quota_members"
        " quota_clients quota_webhook_endpoints quota_idempotency quota_api_keys",
    ),
    (
        "Console",
        "Sign-in by OpenID Connect. Unset: the console asks for a token.",
        "console_oidc_issuer console_oidc_client_id console_oidc_client_secret",
    ),
    (
        "Watching",
        "Each is off until it is set.",
        "metrics_secret sentry_dsn otel_exporter_otlp_endpoint",
    ),
    (
        "Former secrets",
        "Accepted beside the new ones while callers change. Remove each afterwards.",
        "cron_secret_previous n8n_callback_secret_previous admin_secret_key_previous internal_api_secret_previous"
        " auth_jwt_secret_previous",
    ),
    ("Vercel", "The bypass of its deployment protection, for QStash.", "vercel_automation_bypass_secret"),
)
#: Set by the platform and by the local stack, never by hand.
NOT_BY_HAND = frozenset({"vercel", "local"})
#: Defaults that are written otherwise than in Settings.
SHOWN = {"dispatch_lead_seconds": "auto", "n8n_max_in_flight": "auto", "rate_limits": "on"}
_UNITS = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}


def example() -> str:
    """Return the text of `.env.example`."""
    known = {spec.name: spec.default for spec in fields(Settings)}
    lines = [HEAD]
    for title, about, names in GROUPS:
        lines.append(f"# {title}. {about}")
        for name in names.split():
            bare = name.removeprefix("!")
            lines.append(_line(bare, known[bare], required=bare != name))
        lines.append("")
    return "\n".join(lines)


def _line(name: str, default: Any, *, required: bool) -> str:
    variable = name.upper()
    if required:
        return f"{variable}="
    shown = SHOWN.get(name) or _text(default)
    return f"# {variable}={shown}" if shown else f"# {variable}="


def _text(default: Any) -> str:
    if default is None or default == "":
        return ""
    if isinstance(default, bool):
        return str(int(default))
    if isinstance(default, Rate):
        return f"{default.amount}/{_UNITS[default.seconds]}"
    if isinstance(default, tuple):
        return " ".join(default)
    return str(int(default) if isinstance(default, float) and default.is_integer() else default)


if __name__ == "__main__":
    sys.stdout.write(example())
