"""Rows of the accounts' queues: their weekly slots, and the slots that are taken.

Invariant: the caller of `lock_queue` alone takes slots of the account until its transaction ends. SQLite has one writer
at a time and needs no lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.slots import Queue, read_slot
from app.store.engine import upsert
from app.store.schema.tables import GOING_OUT, account_queues, posts, social_accounts

Q, P = account_queues.c, posts.c
NONE = Queue(None, ())


def read_queue(connection: Connection, account_id: str) -> Queue:
    """Return the account's queue, an empty one where none was ever set."""
    return _read(connection, select(Q.time_zone, Q.slots).where(Q.account_id == account_id))


def lock_queue(tx: Connection, account_id: str) -> Queue:
    """Return the account's queue, and keep all others from taking a slot of it."""
    return _read(tx, select(Q.time_zone, Q.slots).where(Q.account_id == account_id).with_for_update())


def put_queue(tx: Connection, account_id: str, queue: Queue, now: datetime) -> bool:
    """Write the account's queue. Returns False if the account is gone."""
    account = select(social_accounts.c.id).where(social_accounts.c.id == account_id)
    if tx.execute(account.with_for_update(read=True, key_share=True)).one_or_none() is None:
        return False
    values = {"time_zone": queue.time_zone, "slots": [str(slot) for slot in queue.slots], "updated_at": now}
    upsert(tx, account_queues, {"account_id": account_id}, values, values)
    return True


def taken(
    connection: Connection, account_id: str, instants: Sequence[datetime], but: str | None = None
) -> set[datetime]:
    """Return those of these instants for which a post of the account is or was to go out. `but` is a post left out."""
    at_one = (P.social_account_id == account_id, P.scheduled_at.in_(instants), sa.text(GOING_OUT))
    others = [P.id != but] if but is not None else []
    return set(connection.execute(select(P.scheduled_at).where(*at_one, *others)).scalars())


def _read(connection: Connection, statement: sa.Select[tuple[str, list[str]]]) -> Queue:
    row = connection.execute(statement).one_or_none()
    return Queue(row.time_zone, tuple(read_slot(text) for text in row.slots)) if row else NONE
