"""A world whose host and database have clocks of their own, on a real PostgreSQL.

The database's `clock_timestamp()` is replaced by a function of a schema that comes before `pg_catalog` in the search
path. It reads its instant from a table, so a test sets it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import sqlalchemy as sa

from tests.support.world import World

_OWN_CLOCK = """
CREATE SCHEMA own_clock;
CREATE TABLE own_clock.reading (at timestamptz NOT NULL);
INSERT INTO own_clock.reading VALUES (now());
CREATE FUNCTION own_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT at FROM own_clock.reading'
"""


class TwoClocks(World):
    """The host's clock is `ahead` of true time, which the database and the message service show."""

    def __init__(self, database_url: str, ahead: float, **settings: object) -> None:
        admin = sa.create_engine(database_url.replace("postgresql://", "postgresql+psycopg2://", 1))
        with admin.begin() as connection:
            for statement in _OWN_CLOCK.split(";"):
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(
                f'ALTER DATABASE "{admin.url.database}" SET search_path = own_clock, pg_catalog, public'
            )
        admin.dispose()
        super().__init__(database_url, **settings)
        self.ahead = timedelta(seconds=ahead)
        self.with_deps(database_clock=True)
        self.clock.during_sleep = self._sleep
        self.set_true(self.clock.now())

    @property
    def true_now(self) -> datetime:
        return self.clock.now() - self.ahead

    def set_true(self, instant: datetime) -> None:
        """Set true time: the database shows it, and the host its own."""
        self.clock.set(instant + self.ahead)
        self._set_database(instant)

    def mend_clock(self) -> None:
        """Set the host's clock to true time."""
        instant = self.true_now
        self.ahead = timedelta(0)
        self.set_true(instant)

    def _sleep(self) -> None:
        self._set_database(max(self.clock.slept_until[-1], self.clock.now()) - self.ahead)

    def _set_database(self, instant: datetime) -> None:
        with self.db.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE own_clock.reading SET at = %s", (instant,))


@contextmanager
def two_clocks(database_url: str, ahead: float, **settings: object) -> Iterator[TwoClocks]:
    made = TwoClocks(database_url, ahead, **settings)
    try:
        yield made
    finally:
        made.close()
