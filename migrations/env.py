"""Alembic's entry point: one connection, one transaction, the tables of app.store.schema.tables."""

from typing import Literal

from alembic import context

from app.store.engine import make_engine
from app.store.schema.tables import Instant, metadata


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Render an Instant as its database type, so migrations do not depend on our types."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


engine = make_engine(context.config.attributes["url"])
with engine.begin() as connection:
    if connection.dialect.name == "postgresql":
        # The lock makes instances started together migrate one after the other.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7241033)")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=render_item,
    )
    context.run_migrations()
engine.dispose()
