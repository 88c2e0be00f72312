"""Rows of the audit trail. They are inserted and pruned, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, select

from app.domain.audit import AuditEntry, AuditFilter, Origin
from app.store.paging import After, newest_first
from app.store.row_locks import take_unlocked
from app.store.schema.columns import Condition
from app.store.schema.tables import audit_entries

T = audit_entries.c


def append(
    tx: Connection,
    *,
    at: datetime,
    company_id: str | None,
    actor: str,
    action: str,
    target: str,
    fields: Sequence[str],
    origin: Origin,
) -> None:
    values = {"at": at, "company_id": company_id, "actor": actor, "action": action, "target": target}
    values |= {"client_address": origin.client_address, "user_agent": origin.user_agent}
    tx.execute(insert(audit_entries).values(**values, request_id=origin.request_id, fields=list(fields)))


def of_company(
    connection: Connection, company_id: str, wanted: AuditFilter, limit: int, after: After | None
) -> list[AuditEntry]:
    """Return a page of a company's entries, newest first."""
    return _page(connection, [T.company_id == company_id], wanted, limit, after)


def of_person(
    connection: Connection, user_id: str, wanted: AuditFilter, limit: int, after: After | None
) -> list[AuditEntry]:
    """Return a page of the entries of a person's own accounts, newest first."""
    return _page(connection, [T.company_id.is_(None), T.actor == user_id], wanted, limit, after)


def prune(tx: Connection, before: datetime, limit: int) -> int:
    """Delete at most `limit` entries older than `before`, the oldest first. Returns the count."""
    old = select(T.id).where(T.at < before).order_by(T.at).limit(limit)
    return tx.execute(delete(audit_entries).where(T.id.in_(take_unlocked(tx, old)))).rowcount


def _page(
    connection: Connection, where: list[Condition], wanted: AuditFilter, limit: int, after: After | None
) -> list[AuditEntry]:
    bounds: list[tuple[object, Condition]] = [
        (wanted.actor, T.actor == wanted.actor),
        (wanted.action, T.action == wanted.action),
        (wanted.start, T.at >= sa.bindparam(None, wanted.start, T.at.type)),
        (wanted.end, T.at < sa.bindparam(None, wanted.end, T.at.type)),
    ]
    where = where + [condition for value, condition in bounds if value is not None]
    statement = newest_first(select(audit_entries).where(*where), T.at, T.id, limit, after)
    return [AuditEntry(**row._mapping) for row in connection.execute(statement)]
