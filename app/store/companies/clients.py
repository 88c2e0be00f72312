"""Rows of companies' clients.

Invariant: a name is unique within its company, regardless of case.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, delete, insert, select, update

from app.domain.companies import Client, name_key
from app.store.paging import After, oldest_first
from app.store.schema.tables import clients

_COLUMNS: list[sa.ColumnElement[Any]] = [
    clients.c.id,
    clients.c.company_id,
    clients.c.name,
    clients.c.created_at,
    clients.c.updated_at,
]


def create(tx: Connection, client_id: str, company_id: str, name: str, now: datetime) -> Client:
    values = {"id": client_id, "company_id": company_id, "name": name, "name_key": name_key(name)}
    statement = insert(clients).values(values | {"created_at": now, "updated_at": now})
    return _to_client(tx.execute(statement.returning(*_COLUMNS)).one())


def rename(tx: Connection, client_id: str, name: str, now: datetime) -> Client:
    values = {"name": name, "name_key": name_key(name), "updated_at": now}
    statement = update(clients).where(clients.c.id == client_id).values(values).returning(*_COLUMNS)
    return _to_client(tx.execute(statement).one())


def remove(tx: Connection, client_id: str) -> None:
    tx.execute(delete(clients).where(clients.c.id == client_id))


def by_id(connection: Connection, client_id: str) -> Client | None:
    return _one(connection, clients.c.id == client_id)


def owners_of(connection: Connection, client_ids: Iterable[str]) -> set[str]:
    """Return the ids of the companies of these clients."""
    return set(connection.execute(select(clients.c.company_id).where(clients.c.id.in_(list(client_ids)))).scalars())


def by_name(connection: Connection, company_id: str, name: str) -> Client | None:
    return _one(connection, clients.c.company_id == company_id, clients.c.name_key == name_key(name))


def page(connection: Connection, company_id: str, limit: int, after: After | None) -> list[Client]:
    statement = select(*_COLUMNS).where(clients.c.company_id == company_id)
    statement = oldest_first(statement, clients.c.created_at, clients.c.id, limit, after)
    return [_to_client(row) for row in connection.execute(statement)]


def _one(connection: Connection, *where: sa.ColumnElement[bool]) -> Client | None:
    row = connection.execute(select(*_COLUMNS).where(*where)).one_or_none()
    return _to_client(row) if row else None


def _to_client(row: sa.Row[Any]) -> Client:
    return Client(**row._mapping)
