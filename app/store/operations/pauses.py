"""The row of a pause of all sending. Sending is paused while the row exists.

Invariant: the claim's own statement reads the row, so no post is claimed after the commit of a pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, select

from app.store.schema.tables import pauses

SENDING = "sending"  # the name of the row
#: The condition that sending is paused, for statements about other tables.
IS_PAUSED = sa.exists(select(pauses.c.name).where(pauses.c.name == SENDING))


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of all sending: its beginning, and the operator's reason."""

    since: datetime
    reason: str


def read(connection: Connection) -> Pause | None:
    """Return the current pause, None while posts are sent."""
    row = connection.execute(select(pauses.c.since, pauses.c.reason).where(pauses.c.name == SENDING)).one_or_none()
    return Pause(row.since, row.reason) if row else None


def begin(tx: Connection, reason: str, now: datetime) -> Pause:
    """Begin a pause. A current one keeps its beginning and gets the new reason."""
    before = read(tx)
    tx.execute(delete(pauses).where(pauses.c.name == SENDING))
    pause = Pause(before.since if before else now, reason)
    tx.execute(insert(pauses).values(name=SENDING, since=pause.since, reason=pause.reason))
    return pause


def end(tx: Connection) -> Pause | None:
    """End the pause. Return it, None where sending was not paused."""
    columns = (pauses.c.since, pauses.c.reason)
    row = tx.execute(delete(pauses).where(pauses.c.name == SENDING).returning(*columns)).one_or_none()
    return Pause(row.since, row.reason) if row else None
