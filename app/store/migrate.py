"""Bring a database to the newest schema, with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from app.store.engine import normalise_url

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def configuration(database_url: str) -> Config:
    """Alembic's configuration, made here so that no alembic.ini is needed."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = normalise_url(database_url).render_as_string(hide_password=False)
    return config


def upgrade(database_url: str) -> None:
    """Run every migration that this database has not seen. Running it again changes nothing."""
    command.upgrade(configuration(database_url), "head")
