"""Upgrade a database to the newest schema, with Alembic."""

from __future__ import annotations

from alembic import command
from alembic.config import Config

from app.store.engine import normalise_url
from app.store.migrations_folder import MIGRATIONS


def configuration(database_url: str) -> Config:
    """Build Alembic's configuration, in place of an alembic.ini file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = normalise_url(database_url).render_as_string(hide_password=False)
    return config


def upgrade(database_url: str) -> None:
    """Run all pending migrations. With none pending this is a no-op."""
    command.upgrade(configuration(database_url), "head")
