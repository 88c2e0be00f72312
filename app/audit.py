"""The audit trail of companies, members and accounts: record a change, read the entries.

Invariant: an entry is written in the transaction of its change, so neither exists without the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from datetime import datetime

from app.deps import Deps
from app.domain.audit import Action, AuditEntry, AuditFilter, Origin
from app.store.engine import Connection
from app.store.operations import audit
from app.store.paging import After

#: The origin of the current request. The web layer sets it, and no other caller has one.
ORIGIN: ContextVar[Origin] = ContextVar("punctual_origin", default=Origin())  # noqa: B039  # an immutable value


def record(
    tx: Connection,
    actor: str,
    action: Action,
    target: str,
    now: datetime,
    *,
    company_id: str | None,
    fields: Sequence[str] = (),
) -> None:
    """Record one change. `target` is a kind and an id, such as `account:…`. `fields` are names of changed fields."""
    entry = {"at": now, "company_id": company_id, "actor": actor, "action": action, "target": target}
    audit.append(tx, **entry, fields=sorted(fields), origin=ORIGIN.get())  # type: ignore[arg-type]


def personal_entries(
    deps: Deps, user_id: str, wanted: AuditFilter, limit: int, after: After | None
) -> list[AuditEntry]:
    """Return a page of a person's changes of their own accounts, newest first."""
    with deps.db.reading() as connection:
        return audit.of_person(connection, user_id, wanted, limit, after)
