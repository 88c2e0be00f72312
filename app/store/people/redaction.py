"""Remove a user's name from histories and from the audit trail.

Invariant: no index has the actor of all rows, so each statement looks through a bounded range of ids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, delete, select, update

from app.store.people.records import member_target, user_actor
from app.store.schema.tables import audit_entries, transitions


@dataclass(frozen=True)
class Part:
    """A table, and the function that removes a user from its rows with ids in (start, end]. It returns the count."""

    table: sa.Table
    redact: Callable[[Connection, str, str, int, int], int]


def highest_id(connection: Connection, part: Part) -> int:
    return connection.execute(select(sa.func.max(part.table.c.id))).scalar() or 0


def _redact_transitions(tx: Connection, user_id: str, new: str, start: int, end: int) -> int:
    t = transitions.c
    where = (t.id > start, t.id <= end, t.actor == user_actor(user_id))
    return tx.execute(update(transitions).where(*where).values(actor=user_actor(new))).rowcount


def _redact_audit(tx: Connection, user_id: str, new: str, start: int, end: int) -> int:
    """Delete the user's personal entries. A company's entries keep what was done, and when."""
    t = audit_entries.c
    some = (t.id > start, t.id <= end)
    own = delete(audit_entries).where(*some, t.company_id.is_(None), t.actor == user_id)
    gone = tx.execute(own).rowcount
    origin = {"client_address": None, "user_agent": None, "request_id": None}
    acted = update(audit_entries).where(*some, t.actor == user_id).values(actor=new, **origin)
    named = update(audit_entries).where(*some, t.target == member_target(user_id)).values(target=member_target(new))
    return gone + tx.execute(acted).rowcount + tx.execute(named).rowcount


PARTS = (Part(transitions, _redact_transitions), Part(audit_entries, _redact_audit))
