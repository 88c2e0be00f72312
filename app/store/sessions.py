"""The preparation of each new connection, and the replacement of dead ones.

Invariant: every PostgreSQL session has UTC, our time limits and ids as text. Pool resets keep all three.
"""

from __future__ import annotations

import select
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.exc import InvalidatePoolError

PING_AFTER_SECONDS = 5.0  # idle time before a ping, below it a look at the socket is enough
UUID_OID = 2950
LONGEST_MS = 2**31 - 1  # the most that PostgreSQL takes
LOCK_LIMIT = "lock_limit_ms"  # the key in a connection's `info`


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """PostgreSQL's limits in seconds: a wait for a lock, a statement, a transaction without a statement."""

    lock: float
    statement: float
    idle_transaction: float


def prepare_sessions(engine: sa.Engine, limits: TimeLimits | None) -> None:
    """Set the time zone and the limits of each new session in one round trip. None sets no limits.

    They are SET after connecting, because poolers such as pgbouncer refuse start-up options. They are set outside a
    transaction, because a rollback would undo them.
    """
    from psycopg2 import extensions  # imported here because installations on SQLite do not have it

    # By default the driver builds UUID objects, and the app turns them back into text. Both conversions together are
    # half the cost of reading a row.
    as_sent = extensions.new_type((UUID_OID,), "UUID", lambda value, _cursor: value)
    commands = _session_commands(limits)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        extensions.register_type(as_sent, connection)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(commands)
        connection.autocommit = False
        record.info[LOCK_LIMIT] = _ms(limits.lock) if limits else 0


def _session_commands(limits: TimeLimits | None) -> str:
    values: dict[str, str | int] = {"timezone": "'UTC'"}
    if limits is not None:
        values["lock_timeout"] = _ms(limits.lock)
        values["statement_timeout"] = _ms(limits.statement)
        values["idle_in_transaction_session_timeout"] = _ms(limits.idle_transaction)
    return "; ".join(f"SET {name} = {value}" for name, value in values.items())


def _ms(seconds: float) -> int:
    """Convert to whole milliseconds, at least one: PostgreSQL reads zero as no limit."""
    return min(max(round(seconds * 1000), 1), LONGEST_MS)


def read_without_transactions(engine: sa.Engine) -> None:
    """Set the driver's autocommit switch at each begin, on for reads only.

    SQLAlchemy's isolation level AUTOCOMMIT would cost a round trip each time it is reset.
    """

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        reading = bool(connection.get_execution_options().get("reading"))
        if driver.autocommit is not reading:
            driver.autocommit = reading


def replace_dead_connections(engine: sa.Engine) -> None:
    """Replace dead connections at checkout.

    So a restarted database costs a reconnect and no failed delivery. A connection closed by the server is visible on
    its socket, without a round trip. A server gone without closing is found by a ping, sent after PING_AFTER_SECONDS
    of idle time.
    """

    @event.listens_for(engine, "checkin")
    def _checked_in(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.time()  # wall clock: a monotonic clock stops while the machine is frozen

    @event.listens_for(engine, "checkout")
    def _checked_out(connection: Any, record: Any, _fairy: Any) -> None:
        since = record.info.get("idle_since")
        if since is None or (0 <= time.time() - since < PING_AFTER_SECONDS and not _is_suspect(connection)):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError() from error


def _is_suspect(connection: Any) -> bool:
    """Return True if the connection is closed or its server sent unsolicited data."""
    if connection.closed:
        return True
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))
