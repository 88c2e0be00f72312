"""Clears the app's settings from the environment, so tests start from an empty one."""

from collections.abc import MutableMapping

SETTINGS = (
    "ACCOUNT_",
    "ADMIN_SECRET_KEY",
    "ALLOW_HTTP_HOSTS",
    "ARMINGS_",
    "AUDIT_",
    "AUTH_",
    "AUTHLIB_INSECURE_TRANSPORT",
    "BREAKER_",
    "CALLBACK_",
    "CONNECT_RETURN_URL",
    "CONSOLE_OIDC_",
    "CORS_ORIGINS",
    "CRON_",
    "DATABASE_",
    "DISPATCH_",
    "FLASK_",
    "INTERNAL_API_SECRET",
    "LINKEDIN_",
    "MAX_",
    "MEDIA_",
    "METRICS_",
    "N8N_",
    "OTEL_",
    "POLL_",
    "PORT",
    "POSTGRES_URL",
    "PUBLIC_BASE_URL",
    "PUBLISH_",
    "PUNCTUAL_",
    "QSTASH_",
    "QUOTA_",
    "RATE_",
    "RETENTION_",
    "RETRY_",
    "SENTRY_",
    "SSLKEYLOGFILE",
    "SWEEP_",
    "TOKEN_",
    "TRUSTED_PROXIES",
    "UNKNOWN_OUTCOME_POLICY",
    "VERCEL",
)


def clear_settings(environ: MutableMapping[str, str]) -> None:
    """Remove every variable that the app reads."""
    for name in [name for name in environ if name.startswith(SETTINGS)]:
        del environ[name]
