"""The tables of posts and accounts. All other tables are imported here, so this is the module to import.

Invariant: CHECK constraints enforce the lifecycle, so no code can store a row that breaks it.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table

from app.domain.lifecycle import Status
from app.store.schema.bulk import feeds, jobs
from app.store.schema.columns import Id, Instant, metadata, new_id, partial, quoted_list
from app.store.schema.operations import (
    account_slots,
    account_turns,
    alerts,
    armed_contents,
    armings,
    breakers,
    idempotency_keys,
    in_flight,
    leases,
    metric_counters,
    metric_states,
    oauth_states,
    pauses,
    rate_limits,
    recovery_holds,
    sweep_runs,
    sweeps,
    tallies,
)
from app.store.schema.people import (
    account_queues,
    api_keys,
    audit_entries,
    clients,
    companies,
    invitations,
    memberships,
)

__all__ = [
    "GOING_OUT",
    "LATE",
    "PACED",
    "WITHHELD",
    "Id",
    "Instant",
    "account_queues",
    "account_slots",
    "account_turns",
    "alerts",
    "api_keys",
    "armed_contents",
    "armings",
    "attempts",
    "audit_entries",
    "breakers",
    "clients",
    "companies",
    "feeds",
    "idempotency_keys",
    "in_flight",
    "invitations",
    "jobs",
    "leases",
    "memberships",
    "metadata",
    "metric_counters",
    "metric_states",
    "new_id",
    "oauth_states",
    "pauses",
    "posts",
    "rate_limits",
    "recovery_holds",
    "social_accounts",
    "status_unindexed",
    "sweep_runs",
    "sweeps",
    "tallies",
    "transitions",
]

posts = Table(
    "posts",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("user_id", sa.String(255), nullable=False),
    Column("company_id", Id()),
    Column("client_id", Id()),
    Column("social_account_id", Id()),  # no foreign key: a post with a removed account must not use another one
    Column("platform", sa.String(20), nullable=False),
    Column("post_type", sa.String(20), nullable=False),
    Column("content", sa.Text, nullable=False),
    Column("media", sa.JSON, nullable=False),
    Column("image_url", sa.Text),
    Column("status", sa.String(20), nullable=False),
    Column("scheduled_at", Instant),
    Column("time_zone", sa.String(64)),
    Column("next_attempt_at", Instant),
    Column("lease_until", Instant),
    Column("sending_at", Instant),
    Column("generation", sa.Integer, nullable=False),
    Column("attempt", sa.Integer, nullable=False),
    Column("retry_count", sa.Integer, nullable=False),
    Column("arm_count", sa.Integer, nullable=False),
    Column("message_id", sa.String(255)),
    Column("swept_at", Instant),
    Column("external_post_id", sa.String(255)),
    Column("external_url", sa.Text),
    Column("published_at", Instant),
    Column("lateness_ms", sa.Double),
    Column("error_code", sa.String(64)),
    Column("error_message", sa.Text),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("rearm_count", sa.Integer, nullable=False, server_default=sa.text("0")),
    Column("armed_as", sa.String(16)),
    Column("content_hash", sa.BigInteger),  # of the normalised text. Null: not compared
    CheckConstraint(f"status IN ({quoted_list(Status)})", name="status"),
    CheckConstraint("(status = 'scheduled') = (next_attempt_at IS NOT NULL)", name="due_when_scheduled"),
    CheckConstraint("(status = 'publishing') = (lease_until IS NOT NULL)", name="lease_when_publishing"),
    CheckConstraint("sending_at IS NULL OR status = 'publishing'", name="sending_when_publishing"),
    CheckConstraint("(status = 'published') = (published_at IS NOT NULL)", name="instant_when_published"),
    CheckConstraint("status IN ('draft', 'cancelled') OR scheduled_at IS NOT NULL", name="promise_kept"),
    CheckConstraint("status <> 'failed' OR error_code IS NOT NULL", name="reason_when_failed"),
    CheckConstraint("message_id IS NULL OR status = 'scheduled'", name="message_when_scheduled"),
    CheckConstraint(
        "generation >= 0 AND attempt >= 0 AND retry_count >= 0 AND arm_count >= 0", name="counters_not_negative"
    ),
)


def status_unindexed(status: Status) -> sa.ColumnElement[bool]:
    """Compare the status of a row found by its id, without using an index.

    The comparison goes through `|| ''`, so PostgreSQL skips the partial index of that status. With statistics from
    before a burst that index looks small, and every claim of the burst would scan it whole.
    """
    return posts.c.status.concat("") == status


# The sweep's three queries. The indexes are partial, so finished posts cost nothing.
Index("ix_posts_due", posts.c.next_attempt_at, posts.c.id, **partial("status = 'scheduled'"))
Index("ix_posts_unarmed", posts.c.next_attempt_at, posts.c.id, **partial("status = 'scheduled' AND message_id IS NULL"))
Index("ix_posts_lease", posts.c.lease_until, posts.c.id, **partial("status = 'publishing'"))
# The lists, newest first. A delivery writes a post six times, and each write updates every full index. Indexes for some
# posts or some statuses are therefore partial.
Index("ix_posts_list", posts.c.user_id, posts.c.created_at, posts.c.id)
Index(
    "ix_posts_list_status",
    *(posts.c.user_id, posts.c.status, posts.c.created_at, posts.c.id),
    **partial("status IN ('draft', 'scheduled', 'failed', 'cancelled')"),
)
Index("ix_posts_promise", posts.c.user_id, posts.c.scheduled_at, **partial("scheduled_at IS NOT NULL"))
Index("ix_posts_company", posts.c.company_id, posts.c.created_at, posts.c.id, **partial("company_id IS NOT NULL"))
Index("ix_posts_client", posts.c.client_id, posts.c.created_at, posts.c.id, **partial("client_id IS NOT NULL"))
Index("ix_posts_account", posts.c.social_account_id, posts.c.created_at, posts.c.id)
Index("ix_posts_account_time", posts.c.social_account_id, posts.c.scheduled_at)
# The lists by a changing time. Posts without a time are few: drafts, and drafts that were cancelled.
Index("ix_posts_changed", posts.c.user_id, posts.c.updated_at, posts.c.id)
Index("ix_posts_undated", posts.c.user_id, posts.c.created_at, posts.c.id, **partial("scheduled_at IS NULL"))
Index(
    "ix_posts_company_changed",
    *(posts.c.company_id, posts.c.updated_at, posts.c.id),
    **partial("company_id IS NOT NULL"),
)
Index(
    "ix_posts_company_time",
    *(posts.c.company_id, posts.c.scheduled_at, posts.c.id),
    **partial("company_id IS NOT NULL AND scheduled_at IS NOT NULL"),
)
# Equal texts of an account, for warnings to authors.
GOING_OUT = "status IN ('scheduled', 'publishing', 'published')"
Index(
    "ix_posts_account_text",
    *(posts.c.social_account_id, posts.c.content_hash, posts.c.scheduled_at),
    **partial(f"{GOING_OUT} AND content_hash IS NOT NULL"),
)
# Posts moved by their account's pace, in the order of their turns. They are few, so the index is small.
PACED = "status = 'scheduled' AND error_code IN ('spaced', 'daily_cap')"
Index("ix_posts_paced", posts.c.social_account_id, posts.c.next_attempt_at, **partial(PACED))
# Failed posts of a company, held because a person took their profile away. For the warnings to its owners.
WITHHELD = "status = 'failed' AND error_code IN ('member_left', 'account_withdrawn')"
Index("ix_posts_withheld", posts.c.company_id, posts.c.social_account_id, posts.c.error_code, **partial(WITHHELD))
# Posts at rest by their last change, for counting and pruning.
Index(
    "ix_posts_resting",
    *(posts.c.status, posts.c.updated_at, posts.c.id),
    **partial("status IN ('draft', 'published', 'failed', 'cancelled')"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("post_id", Id(), ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True),
    Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    Column("generation", sa.Integer, nullable=False),
    Column("trigger", sa.String(20), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("sent_at", Instant),
    Column("finished_at", Instant),
    Column("lateness_ms", sa.Double),
    Column("outcome", sa.String(20)),
    Column("http_status", sa.Integer),
    Column("error_code", sa.String(64)),
    Column("error", sa.Text),
    Column("asked_at", Instant),
    Column("external_post_id", sa.String(255)),
    Column("woken_at", Instant),
    Column("alarm_late_ms", sa.Double),
    Column("accepted_at", Instant),
    Column("reported_at", Instant),
    Column("publisher", sa.SmallInteger),
    Column("connected_at", Instant),
)
# The index includes the columns of the lateness figures, which would otherwise cost a lookup per attempt.
Index("ix_attempts_started_at", attempts.c.started_at, postgresql_include=["attempt", "lateness_ms"])
#: Sends that the sweep made because no message had arrived.
SWEPT = "trigger = 'sweep'"
# Sends by the sweep are few while messages arrive, so counting the last hour's costs nothing.
Index("ix_attempts_swept", attempts.c.started_at, **partial(SWEPT))
#: Sends later than a second. They are few, so operators find the latest without reading the punctual ones.
LATE = "lateness_ms > 1000"
Index("ix_attempts_late", attempts.c.started_at, **partial(LATE))

transitions = Table(
    "transitions",
    metadata,
    Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    Column("post_id", Id(), ForeignKey("posts.id", ondelete="CASCADE"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("from_status", sa.String(20)),
    Column("to_status", sa.String(20), nullable=False),
    Column("reason", sa.String(64), nullable=False),
    Column("actor", sa.String(300), nullable=False),
    Column("generation", sa.Integer, nullable=False),
    Column("attempt", sa.Integer, nullable=False),
)
Index("ix_transitions_post", transitions.c.post_id, transitions.c.id)
#: The transitions that end the lease of a dead worker. They are few, so counting the last hour's costs nothing.
STALE_REASONS = "reason IN ('lease_over', 'lease_over_held', 'lease_over_unsent')"
Index("ix_transitions_stale", transitions.c.at, **partial(STALE_REASONS))
social_accounts = Table(
    "social_accounts",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("user_id", sa.String(255), nullable=False),
    Column("company_id", Id()),
    Column("client_id", Id()),
    Column("platform", sa.String(20), nullable=False),
    Column("external_id", sa.String(255), nullable=False),
    Column("account_name", sa.String(255), nullable=False),
    Column("access_token", sa.Text, nullable=False),
    Column("refresh_token", sa.Text),
    Column("expires_at", Instant),
    Column("status", sa.String(20), nullable=False),
    Column("connected_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("refresh_expires_at", Instant),
    Column("refresh_lease_until", Instant),  # held by the one caller that requests new tokens
    Column("refresh_retry_at", Instant),
    Column("refresh_failures", sa.Integer, nullable=False, server_default=sa.text("0")),
    Column("profile_of", sa.String(255)),  # the person of a profile shared with a company. Null for pages
    Column("refresh_granted", sa.Boolean, nullable=False, server_default=sa.false()),  # the token came by our own OAuth
    CheckConstraint("status IN ('active', 'reconnect_required')", name="status"),
)
# An account belongs to a person or a company, once.
_identity = (social_accounts.c.platform, social_accounts.c.external_id)
_personal, _shared = partial("company_id IS NULL"), partial("company_id IS NOT NULL")
Index("uq_social_accounts_user", social_accounts.c.user_id, *_identity, unique=True, **_personal)
Index("uq_social_accounts_company", social_accounts.c.company_id, *_identity, unique=True, **_shared)
Index("ix_social_accounts_connected_by", social_accounts.c.user_id)
Index("ix_social_accounts_expires_at", social_accounts.c.expires_at)
Index(
    "ix_social_accounts_profile",
    *(social_accounts.c.profile_of, social_accounts.c.created_at, social_accounts.c.id),
    **partial("profile_of IS NOT NULL"),
)
