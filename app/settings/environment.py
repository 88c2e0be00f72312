"""Read the settings from the environment and report all problems at once, each with its cure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from app.settings.checks import contradictions, debugging
from app.settings.pasted import trim
from app.settings.values import READ, Settings, SettingsError
from app.settings.vercel import fill_vercel_defaults, vercel_contradictions

POSTGRES_URL = "POSTGRES_URL"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read every setting. An empty variable counts as unset.

    Raises: SettingsError naming every bad setting.
    """
    problems: dict[str, str] = {}
    values: dict[str, Any] = {}
    for spec in fields(Settings):
        name = _variable(spec.name, environ)
        raw = trim(environ.get(name, ""))
        if raw:
            try:
                values[spec.name] = spec.metadata[READ](raw)
            except ValueError as error:
                problems[name] = str(error)
    _fill_defaults(values, environ)
    settings = Settings(**values)
    found = [*vercel_contradictions(settings, environ), *contradictions(settings), *debugging(settings, environ)]
    for name, problem in found:
        problems.setdefault(_variable(name.lower(), environ), problem)  # report one cause once
    if problems:
        raise SettingsError([f"{name} {problem}" for name, problem in problems.items()])
    return settings


def _variable(setting: str, environ: Mapping[str, str]) -> str:
    """Return the name of a setting's variable. POSTGRES_URL, set by Vercel's integrations, replaces DATABASE_URL."""
    if setting == "database_url" and not trim(environ.get("DATABASE_URL", "")) and trim(environ.get(POSTGRES_URL, "")):
        return POSTGRES_URL
    return "PUNCTUAL_LOCAL" if setting == "local" else setting.upper()


def default_database_url() -> str:
    """Return the address of the database while none is set."""
    instance = Path(__file__).resolve().parents[2] / "instance"
    return f"sqlite:///{instance / 'punctual.sqlite3'}"


def _fill_defaults(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Fill in defaults that depend on the environment: the database, and Vercel's own."""
    if "database_url" not in values:
        values["database_url"] = default_database_url()
    fill_vercel_defaults(values, environ)
