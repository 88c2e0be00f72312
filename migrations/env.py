"""Alembic's entry: one connection, one transaction, the tables of app.store.models."""

from typing import Literal

from alembic import context

from app.store.engine import make_engine
from app.store.schema.tables import Instant, metadata


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """A migration must not change when our types do, so an Instant is written as what it is in the database."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


engine = make_engine(context.config.attributes["url"])
with engine.begin() as connection:
    if connection.dialect.name == "postgresql":
        # Two instances that start together migrate one after the other.
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
