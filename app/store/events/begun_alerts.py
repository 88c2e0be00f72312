"""The events of a new alert: for admins, and for the owners of the account that it is about.

Invariant: renewing an alert is no event.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.events import EventType
from app.store.events import outbox
from app.store.schema.tables import alerts
from app.store.schema.webhooks import webhook_endpoints

_KIND, _SUBJECT = (sa.bindparam(name, type_=sa.String()) for name in ("kind", "subject"))
_KNOWN = sa.exists().where(alerts.c.kind == _KIND, alerts.c.subject == _SUBJECT)
_LISTENED = sa.exists().where(webhook_endpoints.c.status == "enabled")
_IS_NEWS = select(sa.and_(~_KNOWN, _LISTENED))


def record_begun(tx: Connection, kind: str, subject: str, detail: str, now: datetime) -> None:
    """Record the events of an alert that is about to be written, if it is new. Call it before the write."""
    if not tx.execute(_IS_NEWS, {"kind": kind, "subject": subject}).scalar():
        return
    outbox.record_alert(tx, kind, subject, detail, now)
    if kind == "reconnect_required":
        outbox.record_account(tx, subject, EventType.RECONNECT_REQUIRED, now)
    if kind in ("reconnect_required", "reconnect_soon"):
        outbox.record_at_risk(tx, subject, now, all_posts=kind == "reconnect_required")
