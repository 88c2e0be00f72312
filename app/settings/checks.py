"""Checks between settings: contradictions and missing partners."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from app.settings.secret_values import secret_problems
from app.settings.transport import is_this_machine, transport_problems
from app.settings.values import SWEEP_PERIOD_SECONDS, Settings

DAY_SECONDS = 86_400.0
DUPLICATE_GUARD_SECONDS = 540.0  # LinkedIn's guard as the domain counts it, see `app.domain.platforms`
MAX_JITTER_SECONDS = 30.0
MAX_SPACING_SECONDS = 86_400.0
MIN_IDLE_TRANSACTION_SECONDS = 0.25  # a claim is held for its instant, up to 0.05 seconds
#: Variables of libraries that no production may have, and what they do.
DEBUGGING = {
    "FLASK_DEBUG": "shows the code and its values to callers",
    "AUTHLIB_INSECURE_TRANSPORT": "sends tokens without TLS",
    "SSLKEYLOGFILE": "writes the keys of every TLS connection to a file",
}


def contradictions(s: Settings) -> list[tuple[str, str]]:
    """Return (setting, problem) for each contradiction between settings and each missing partner."""
    found = [
        *_addresses(s),
        *_packages(s),
        *transport_problems(s),
        *_users(s),
        *_sign_in(s),
        *_local(s),
        *secret_problems(s),
        *_spans(s),
    ]
    return [(name, problem) for wrong, name, problem in found if wrong]


def debugging(s: Settings, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (variable, problem) for each switch of a library that is for this machine only."""
    present = [name for name in DEBUGGING if environ.get(name, "").strip().lower() not in ("", "0", "false", "no")]
    return [(name, f"{DEBUGGING[name]}. It must be unset outside the local stack") for name in present if not s.local]


def _addresses(s: Settings) -> list[tuple[bool, str, str]]:
    return [
        (
            not s.poll_mode and not s.public_base_url,
            "PUBLIC_BASE_URL",
            "is missing. QStash needs it for deliveries. Set it to this app's public https URL",
        ),
        (
            not s.poll_mode and not s.qstash_current_signing_key,
            "QSTASH_CURRENT_SIGNING_KEY",
            "is missing. With QSTASH_TOKEN set, it is needed to verify deliveries. Copy it from the QStash console",
        ),
        (
            bool(s.linkedin_client_id) != bool(s.linkedin_client_secret),
            "LINKEDIN_CLIENT_SECRET" if s.linkedin_client_id else "LINKEDIN_CLIENT_ID",
            "is missing. Connecting accounts needs both settings. Copy it from the LinkedIn app's Auth page",
        ),
        (
            not s.callback_shared_secret_allowed and not s.public_base_url,
            "PUBLIC_BASE_URL",
            "is missing. With CALLBACK_SHARED_SECRET_ALLOWED=0, n8n can report to its callbackUrl alone. "
            "Set it to this app's public https URL",
        ),
        (
            "/webhook-test/" in (s.n8n_webhook_url or "") and not s.local,
            "N8N_WEBHOOK_URL",
            "is a test URL. It works only once after a click in the editor. Use the /webhook/ URL",
        ),
    ]


def _packages(s: Settings) -> list[tuple[bool, str, str]]:
    """Check that the optional packages of set settings are installed."""
    return [
        (bool(value) and not is_installed(module), name, f"needs a package: pip install --require-hashes -r {lock}")
        for name, value, module, lock in (
            ("SENTRY_DSN", s.sentry_dsn, "sentry_sdk", "requirements-sentry.txt"),
            (
                *("OTEL_EXPORTER_OTLP_ENDPOINT", s.otel_exporter_otlp_endpoint),
                *("opentelemetry.exporter.otlp.proto.http", "requirements-otel.txt"),
            ),
        )
    ]


def is_installed(module: str) -> bool:
    """Return True if the module can be imported. It is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of its parent
        return False


def _users(s: Settings) -> list[tuple[bool, str, str]]:
    """Check the trust in users' tokens. A provider signs the tokens of all its customers with the same keys."""
    provider = "With AUTH_JWKS_URL alone, any customer of the same provider could sign in as any user"
    return [
        (
            bool(s.auth_jwt_secret and s.auth_jwks_url),
            "AUTH_JWT_SECRET",
            "and AUTH_JWKS_URL contradict each other. Keep only the one for your users' tokens",
        ),
        (
            bool(s.auth_jwks_url) and not s.auth_issuer,
            "AUTH_ISSUER",
            f"is missing. {provider}. Set it to the iss of your users' tokens",
        ),
        (
            bool(s.auth_jwks_url) and not s.auth_audience,
            "AUTH_AUDIENCE",
            f"is missing. {provider}. Set it to the aud of your users' tokens",
        ),
    ]


def _sign_in(s: Settings) -> list[tuple[bool, str, str]]:
    """Check the provider that signs people in to the console."""
    has_any = bool(s.console_oidc_issuer or s.console_oidc_client_id)
    return [
        (
            has_any and not s.console_oidc_issuer,
            "CONSOLE_OIDC_ISSUER",
            "is missing. Set it to the provider's issuer, as its discovery document writes it",
        ),
        (
            has_any and not s.console_oidc_client_id,
            "CONSOLE_OIDC_CLIENT_ID",
            "is missing. Copy it from the client that you registered for the console at the provider",
        ),
        (
            has_any and not s.public_base_url,
            "PUBLIC_BASE_URL",
            "is missing. The provider sends people back to it. Set it to this app's public https URL",
        ),
        (
            bool(s.console_oidc_issuer and s.auth_issuer) and s.console_oidc_issuer != s.auth_issuer,
            "CONSOLE_OIDC_ISSUER",
            "must be AUTH_ISSUER. Two issuers can name two people by one id",
        ),
        (
            has_any and not (s.auth_jwt_secret or s.token_encryption_keys),
            "TOKEN_ENCRYPTION_KEYS",
            "is missing. Sessions of the console are signed by it where no AUTH_JWT_SECRET is set. "
            "Set it to a Fernet key",
        ),
    ]


def _local(s: Settings) -> list[tuple[bool, str, str]]:
    return [
        (
            s.local and s.vercel,
            "PUNCTUAL_LOCAL",
            "must be unset on Vercel: it permits plain http and published secrets, for this machine only",
        ),
        (
            s.local and bool(s.public_base_url) and not is_this_machine(s.public_base_url or ""),
            "PUNCTUAL_LOCAL",
            "must be unset where PUBLIC_BASE_URL is no loopback address: it permits plain http and published secrets",
        ),
        (
            not s.local and s.linkedin_client_id == "local-linkedin-app",
            "LINKEDIN_CLIENT_ID",
            "must not be the local stack's. Copy it from the LinkedIn app's Auth page",
        ),
    ]


def _spans(s: Settings) -> list[tuple[bool, str, str]]:
    return [
        (
            s.publish_lease_seconds <= s.n8n_timeout_seconds,
            "PUBLISH_LEASE_SECONDS",
            f"({s.publish_lease_seconds:g}) must be longer than N8N_TIMEOUT_SECONDS "
            f"({s.n8n_timeout_seconds:g}). Otherwise a post could be claimed again while it is being sent",
        ),
        (
            s.unknown_outcome_policy == "auto"
            and s.publish_lease_seconds + s.n8n_timeout_seconds >= DUPLICATE_GUARD_SECONDS,
            "PUBLISH_LEASE_SECONDS",
            f"({s.publish_lease_seconds:g}) and N8N_TIMEOUT_SECONDS ({s.n8n_timeout_seconds:g}) must be under "
            f"{DUPLICATE_GUARD_SECONDS:g} together. LinkedIn refuses a duplicate for 10 minutes, so a retry after a "
            "longer lease could publish a second copy",
        ),
        (
            s.database_idle_transaction_timeout_seconds < MIN_IDLE_TRANSACTION_SECONDS,
            "DATABASE_IDLE_TRANSACTION_TIMEOUT_SECONDS",
            f"must be {MIN_IDLE_TRANSACTION_SECONDS:g} or more, because a claim's transaction is held for its instant",
        ),
        (
            s.retention_days is not None and s.retention_days * DAY_SECONDS <= s.publish_lease_seconds,
            "RETENTION_DAYS",
            f"must be longer than PUBLISH_LEASE_SECONDS ({s.publish_lease_seconds:g}). Otherwise a report could "
            "arrive after its post is deleted",
        ),
        (
            s.sweep_budget_seconds >= SWEEP_PERIOD_SECONDS,
            "SWEEP_BUDGET_SECONDS",
            f"must be shorter than the sweep's period of {SWEEP_PERIOD_SECONDS:g} seconds",
        ),
        (
            s.poll_jitter_seconds > MAX_JITTER_SECONDS,
            "POLL_JITTER_SECONDS",
            f"must be {MAX_JITTER_SECONDS:g} or less, because the cron's request waits that long",
        ),
        (
            (s.account_spacing_seconds or 0) > MAX_SPACING_SECONDS,
            "ACCOUNT_SPACING_SECONDS",
            f"must be {MAX_SPACING_SECONDS:g} or less, because each post waits for the one before it",
        ),
        (
            s.longest_lead_seconds > 30,
            "DISPATCH_LEAD_SECONDS",
            "must be 30 or less, because a delivery holds a worker for that long",
        ),
    ]
