"""The tables of webhook endpoints and of their events, the outbox of deliveries.

No row refers to another one. A foreign key would let the removal of an endpoint fail or delay a post's transition.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Index, Table

from app.store.schema.columns import Id, Instant, metadata, partial

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("user_id", sa.String(255), nullable=False),
    Column("company_id", Id()),  # null: events of the user's own posts and accounts
    Column("url", sa.Text, nullable=False),
    Column("events", sa.JSON, nullable=False),
    Column("secret", sa.Text, nullable=False),
    Column("previous_secret", sa.Text),
    Column("previous_until", Instant),
    Column("admin", sa.Boolean, nullable=False),  # made by an admin: it may receive operators' alerts
    Column("status", sa.String(20), nullable=False),
    Column("failures", sa.Integer, nullable=False),  # consecutive
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column(
        "admin_seen_at", Instant
    ),  # when the maker of an admin's endpoint last came with that role. Null: at creation
    CheckConstraint("status IN ('enabled', 'disabled')", name="status"),
    CheckConstraint("(previous_secret IS NULL) = (previous_until IS NULL)", name="previous_with_end"),
)
Index(
    "ix_webhook_endpoints_user",
    *(webhook_endpoints.c.user_id, webhook_endpoints.c.created_at, webhook_endpoints.c.id),
)
Index("ix_webhook_endpoints_company", webhook_endpoints.c.company_id, **partial("company_id IS NOT NULL"))

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("endpoint_id", Id(), nullable=False),
    Column("type", sa.String(40), nullable=False),
    Column("data", sa.JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("status", sa.String(20), nullable=False),
    Column("attempts", sa.Integer, nullable=False),
    Column("next_try_at", Instant, nullable=False),  # when the sweep takes it up
    Column("last_status", sa.Integer),
    Column("last_error", sa.String(300)),
    Column("message_id", sa.String(255)),  # null: to be published, or delivered by the sweep in poll mode
    Column("delivered_at", Instant),
    CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
)
Index("ix_webhook_events_pending", webhook_events.c.next_try_at, webhook_events.c.id, **partial("status = 'pending'"))
Index("ix_webhook_events_failed", webhook_events.c.created_at, **partial("status = 'failed'"))
Index("ix_webhook_events_list", webhook_events.c.endpoint_id, webhook_events.c.created_at, webhook_events.c.id)
Index("ix_webhook_events_created_at", webhook_events.c.created_at)
