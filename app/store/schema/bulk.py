"""The tables of bulk jobs and of calendar feeds."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table

from app.store.schema.columns import Id, Instant, metadata, partial

# Bulk calls that took too long for one request. `operations` are the rows that are left, `position` counts the finished
# ones, and fences two processes at the same job. A job is finished when `operations` is empty.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("user_id", sa.String(255), nullable=False),
    Column("total", sa.Integer, nullable=False),
    Column("position", sa.Integer, nullable=False),
    Column("operations", sa.JSON, nullable=False),
    Column("results", sa.JSON, nullable=False),
    Column("finished", sa.Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    CheckConstraint("position >= 0 AND position <= total", name="position_within"),
)
Index("ix_jobs_open", jobs.c.updated_at, jobs.c.id, **partial("NOT finished"))
Index("ix_jobs_user", jobs.c.user_id, jobs.c.finished)
Index("ix_jobs_expires_at", jobs.c.expires_at)

# Private addresses of calendars. The token is stored as a hash. A company's feed ends when its user leaves the company.
feeds = Table(
    "feeds",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("user_id", sa.String(255), nullable=False),
    Column("company_id", Id(), ForeignKey("companies.id", ondelete="CASCADE")),
    Column("name", sa.String(255), nullable=False),
    Column("token_hash", sa.String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("token_hash", name="uq_feeds_token"),
)
Index("ix_feeds_user", feeds.c.user_id, feeds.c.created_at, feeds.c.id)
Index("ix_feeds_company", feeds.c.company_id, **partial("company_id IS NOT NULL"))
