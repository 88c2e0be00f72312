"""The database's own clock, in one read. PostgreSQL alone has one."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.store.schema.tables import alerts

_READ = sa.select(sa.func.clock_timestamp(), sa.exists().where(alerts.c.kind == "clock_skew"))


def read(connection: Connection) -> tuple[datetime, bool]:
    """Return the database's present instant, and True where an alert of a wrong clock stands."""
    now, alerted = connection.execute(_READ).one()
    return now, alerted
