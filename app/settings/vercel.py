"""Vercel's own defaults and checks: the function's time limit, previews, the database.

Invariant: outside Vercel nothing here changes a setting or refuses one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from app.settings.values import Settings

MAX_DURATION_SECONDS = 60.0  # `maxDuration` in vercel.json, the platform ends a longer request
PROXIES = 1  # Vercel's own, which writes X-Forwarded-For itself
WORK_SECONDS = 10.0  # of a request, beside its waits: a cold start and the database


def fill_vercel_defaults(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Fill in the public address in production, and the proxy."""
    host = _production_host(environ)
    if "public_base_url" not in values and host and environ.get("VERCEL_ENV") == "production":
        values["public_base_url"] = f"https://{host}"
    if "trusted_proxies" not in values and values.get("vercel"):
        values["trusted_proxies"] = PROXIES


def vercel_contradictions(s: Settings, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (setting, problem) for each setting that Vercel cannot work with."""
    found = _spans(s) if s.vercel else []
    if s.vercel and s.database_url.startswith("sqlite"):
        problem = "must be your PostgreSQL database's URL on Vercel, because files do not last there"
        found.append(("DATABASE_URL", problem))
    if environ.get("VERCEL_ENV") == "preview" and not s.poll_mode:
        found += _preview(s, environ)
    return found


def _preview(s: Settings, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Refuse a preview with production's settings: it would sweep and deliver production's posts."""
    cure = (
        "Set QSTASH_TOKEN, DATABASE_URL and the other variables for Production only, in the project's "
        "Environment Variables. A staging app needs a database, a QSTASH_TOKEN and a PUBLIC_BASE_URL of its own"
    )
    if not s.public_base_url:
        return [("PUBLIC_BASE_URL", f"is missing in a preview that has QSTASH_TOKEN. {cure}")]
    if urlsplit(s.public_base_url).hostname == _production_host(environ).lower():
        return [("PUBLIC_BASE_URL", f"is production's address in a preview that has QSTASH_TOKEN. {cure}")]
    return []


def _spans(s: Settings) -> list[tuple[str, str]]:
    delivery = s.longest_lead_seconds + s.media_check_seconds + s.n8n_timeout_seconds + WORK_SECONDS
    sweep = s.poll_jitter_seconds + s.sweep_budget_seconds + s.media_check_seconds + s.n8n_timeout_seconds
    limit = f"seconds, and Vercel ends it after {MAX_DURATION_SECONDS:g}"
    found = []
    if delivery >= MAX_DURATION_SECONDS:
        found.append(
            (
                "N8N_TIMEOUT_SECONDS",
                f"({s.n8n_timeout_seconds:g}), DISPATCH_LEAD_SECONDS ({s.longest_lead_seconds:g}) and "
                f"MEDIA_CHECK_SECONDS ({s.media_check_seconds:g}) must be lower together: a delivery would "
                f"take up to {delivery:g} {limit}",
            )
        )
    if sweep >= MAX_DURATION_SECONDS:
        found.append(
            (
                "SWEEP_BUDGET_SECONDS",
                f"({s.sweep_budget_seconds:g}), POLL_JITTER_SECONDS ({s.poll_jitter_seconds:g}), "
                f"N8N_TIMEOUT_SECONDS ({s.n8n_timeout_seconds:g}) and MEDIA_CHECK_SECONDS "
                f"({s.media_check_seconds:g}) must be lower together: a sweep and its last send would take up "
                f"to {sweep:g} {limit}",
            )
        )
    if delivery > s.message_timeout_seconds:
        found.append(
            (
                "MEDIA_CHECK_SECONDS",
                f"({s.media_check_seconds:g}) must be lower: QStash waits {s.message_timeout_seconds:g} seconds for "
                f"a delivery, which would take up to {delivery:g}",
            )
        )
    return found


def _production_host(environ: Mapping[str, str]) -> str:
    return environ.get("VERCEL_PROJECT_PRODUCTION_URL", "").strip().rstrip("/")
