"""Settings of the stack's processes, and the secrets that the first start creates.

Invariant: a stand-in gets its own secrets only, and no setting of another installation reaches the app.
"""

import base64
import json
import os
import secrets
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path

from app.local.errors import StackError
from app.local.ports import Ports

# The public defaults of the vendor's dev server, printed in its documentation. They protect nothing.
QSTASH_TOKEN = "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0="
QSTASH_CURRENT_SIGNING_KEY = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r"
QSTASH_NEXT_SIGNING_KEY = "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs"

# Only the stand-in accepts these.
LINKEDIN_CLIENT_ID = "local-linkedin-app"
LINKEDIN_CLIENT_SECRET = "local-linkedin-app-secret"

SECRETS = ("AUTH_JWT_SECRET", "CRON_SECRET", "N8N_CALLBACK_SECRET", "ADMIN_SECRET_KEY", "TOKEN_ENCRYPTION_KEYS")

# A shell may hold settings of another installation. They name other services or contradict the stack's settings, so
# the local app must not see them.
FOREIGN_SETTINGS = (
    *("VERCEL", "VERCEL_ENV", "VERCEL_PROJECT_PRODUCTION_URL", "VERCEL_AUTOMATION_BYPASS_SECRET"),
    *("AUTH_JWKS_URL", "AUTH_ISSUER", "AUTH_AUDIENCE", "INTERNAL_API_SECRET", "N8N_WEBHOOK_AUTH_HEADER"),
    *(f"{name}_PREVIOUS" for name in ("AUTH_JWT_SECRET", "CRON_SECRET", "N8N_CALLBACK_SECRET", "ADMIN_SECRET_KEY")),
    *("INTERNAL_API_SECRET_PREVIOUS", "ALLOW_HTTP_HOSTS", "CONNECT_RETURN_URL", "TRUSTED_PROXIES"),
    *("SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT"),
)
# Tuning (retries, leases, budgets) is passed on from the shell, except to a stack that is `alone`.
TUNING_PREFIXES = (
    *("QSTASH_", "N8N_", "LINKEDIN_", "AUTH_", "SWEEP_", "POLL_", "BREAKER_", "MAX_", "RETRY_", "RETENTION_"),
    *("DISPATCH_", "PUBLISH_", "UNKNOWN_", "TOKEN_REFRESH_", "ACCOUNT_", "MEDIA_", "QUOTA_", "RATE_LIMIT", "CALLBACK_"),
    *("AUDIT_", "ARMINGS_"),
)
TUNING_NAMES = ("DATABASE_URL", "PUBLIC_BASE_URL", "CRON_CONCURRENCY", "CORS_ORIGINS")


def load_secrets(file: Path) -> dict[str, str]:
    """Return the secrets of this state folder.

    The first call creates them at random, in a file that only its owner can read.
    Raises: StackError when the file is damaged.
    """
    if not file.exists():
        _write_private(file, json.dumps(_new_secrets(), indent=2) + "\n")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {name: str(found[name]) for name in SECRETS}
    except (ValueError, KeyError, TypeError):
        raise StackError(f"{file} is damaged. Delete it, and the next start makes a new one.") from None


def _new_secrets() -> dict[str, str]:
    made = {name: secrets.token_urlsafe(32) for name in SECRETS}
    made["TOKEN_ENCRYPTION_KEYS"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()  # a Fernet key
    return made


def _write_private(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)


def base(environ: Mapping[str, str], *, alone: bool) -> dict[str, str]:
    """Return the shell's environment without settings of other installations.

    With `alone`, the tuning settings are left out too, so that the stack runs the same on every machine.
    """
    kept = {name: value for name, value in environ.items() if name not in FOREIGN_SETTINGS}
    if alone:
        kept = {
            name: value
            for name, value in kept.items()
            if not name.startswith(TUNING_PREFIXES) and name not in TUNING_NAMES
        }
    loopback = ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), "127.0.0.1,localhost")))
    return {**kept, "NO_PROXY": loopback, "no_proxy": loopback, "PYTHONUNBUFFERED": "1", "FLASK_SKIP_DOTENV": "1"}


def settings(
    ports: Ports, state: Path, made: Mapping[str, str], database_url: str | None, origins: str | None = None
) -> dict[str, str]:
    """Return all settings of the local app.

    `database_url` None means SQLite in the state folder. `PUNCTUAL_LOCAL` permits plain http on this machine. The
    LinkedIn stand-in serves a page that acts as a frontend, so its origin is added to `CORS_ORIGINS`.
    """
    return {
        **made,
        "PUNCTUAL_LOCAL": "1",
        "DATABASE_URL": database_url or f"sqlite:///{state / 'punctual.sqlite3'}",
        "PUBLIC_BASE_URL": ports.url("app"),
        "DISPATCH_LEAD_SECONDS": "3",  # time for a thousand deliveries of one instant to arrive before it
        "DISPATCH_MAX_WAITING": "512",
        # The demo, the bench and the chaos tests schedule thousands of posts at once as one user.
        "RATE_LIMITS": "off",
        "QUOTA_POSTS": "0",
        "ARMINGS_PER_USER_HOUR": "999999",
        "QSTASH_URL": ports.url("qstash"),
        "QSTASH_TOKEN": QSTASH_TOKEN,
        "QSTASH_CURRENT_SIGNING_KEY": QSTASH_CURRENT_SIGNING_KEY,
        "QSTASH_NEXT_SIGNING_KEY": QSTASH_NEXT_SIGNING_KEY,
        "N8N_WEBHOOK_URL": f"{ports.url('n8n')}/webhook/publish-linkedin",
        "CORS_ORIGINS": ",".join(filter(None, (origins, ports.url("linkedin")))),
        "LINKEDIN_CLIENT_ID": LINKEDIN_CLIENT_ID,
        "LINKEDIN_CLIENT_SECRET": LINKEDIN_CLIENT_SECRET,
        "LINKEDIN_AUTHORIZATION_URL": f"{ports.url('linkedin')}/oauth/v2/authorization",
        "LINKEDIN_TOKEN_URL": f"{ports.url('linkedin')}/oauth/v2/accessToken",
        "LINKEDIN_REVOCATION_URL": f"{ports.url('linkedin')}/oauth/v2/revoke",
        "LINKEDIN_USERINFO_URL": f"{ports.url('linkedin')}/v2/userinfo",
    }


def remove_qstash(values: MutableMapping[str, str]) -> None:
    """Delete the QStash settings, so that the app runs in poll mode."""
    for name in [name for name in values if name.startswith("QSTASH_")]:
        del values[name]


def only(values: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the named settings: a stand-in must see its own secrets and no others."""
    return {name: values[name] for name in names}
