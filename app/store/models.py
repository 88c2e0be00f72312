"""The tables. CHECK constraints hold the lifecycle's facts, so that no code, ours or a by-stander's, can break them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table
from sqlalchemy.types import TypeDecorator

from app.domain.lifecycle import Status

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases; SQLite keeps no zone, so it is put back on the way out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def Id() -> sa.Uuid[str]:
    return sa.Uuid(as_uuid=False)


def new_id() -> str:
    return str(uuid.uuid4())


def _statuses() -> str:
    return ", ".join(f"'{status.value}'" for status in Status)


posts = Table(
    "posts",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("user_id", sa.String(255), nullable=False),
    Column("company_id", Id()),
    Column("client_id", Id()),
    Column("social_account_id", Id()),  # no foreign key: a post whose account is gone must not take the next best
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
    CheckConstraint(f"status IN ({_statuses()})", name="status"),
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


def _only(condition: str) -> dict[str, Any]:
    """The WHERE of a partial index, for both databases."""
    return {f"{dialect}_where": sa.text(condition) for dialect in ("postgresql", "sqlite")}


# The sweep's three questions; partial, so that finished posts cost nothing.
Index("ix_posts_due", posts.c.next_attempt_at, posts.c.id, **_only("status = 'scheduled'"))
Index("ix_posts_unarmed", posts.c.next_attempt_at, posts.c.id, **_only("status = 'scheduled' AND message_id IS NULL"))
Index("ix_posts_lease", posts.c.lease_until, posts.c.id, **_only("status = 'publishing'"))
# The list's, newest first. A post is written six times on its way out and pays for every whole index each time, so what
# only some posts or some statuses need is partial.
Index("ix_posts_list", posts.c.user_id, posts.c.created_at, posts.c.id)
Index(
    "ix_posts_list_status",
    *(posts.c.user_id, posts.c.status, posts.c.created_at, posts.c.id),
    **_only("status IN ('draft', 'scheduled', 'failed', 'cancelled')"),
)
Index("ix_posts_promise", posts.c.user_id, posts.c.scheduled_at, **_only("scheduled_at IS NOT NULL"))
Index("ix_posts_company", posts.c.company_id, posts.c.created_at, posts.c.id, **_only("company_id IS NOT NULL"))
Index("ix_posts_client", posts.c.client_id, posts.c.created_at, posts.c.id, **_only("client_id IS NOT NULL"))
Index("ix_posts_account_time", posts.c.social_account_id, posts.c.scheduled_at)
# Posts that their account's pace has moved: few, so the index is small, and it orders those who wait.
PACED = "status = 'scheduled' AND error_code IN ('spaced', 'daily_cap')"
Index("ix_posts_paced", posts.c.social_account_id, posts.c.next_attempt_at, **_only(PACED))
# What nobody works on, by its last change: for counting it and for pruning it.
Index(
    "ix_posts_resting",
    *(posts.c.status, posts.c.updated_at, posts.c.id),
    **_only("status IN ('draft', 'published', 'failed', 'cancelled')"),
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
)
Index("ix_attempts_started_at", attempts.c.started_at)

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
#: How a transition is called that ends a lease nobody was left to end.
STALE_REASONS = "reason IN ('lease_over', 'lease_over_held', 'lease_over_unsent')"
# Few rows ever: what was claimed and then left lying, so that counting them by the hour costs nothing.
Index("ix_transitions_stale", transitions.c.at, **{  # type: ignore[arg-type]
    f"{dialect}_where": sa.text(STALE_REASONS) for dialect in ("postgresql", "sqlite")
})  # fmt: skip

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
    Column("refresh_lease_until", Instant),  # while one caller asks for new tokens
    Column("refresh_retry_at", Instant),
    Column("refresh_failures", sa.Integer, nullable=False, server_default=sa.text("0")),
    CheckConstraint("status IN ('active', 'reconnect_required')", name="status"),
    sa.UniqueConstraint("user_id", "platform", "external_id", name="uq_social_accounts_owner"),
)

Index("ix_social_accounts_expires_at", social_accounts.c.expires_at)

# Members on their way to a platform and back. Single use: the callback deletes the row it finds.
oauth_states = Table(
    "oauth_states",
    metadata,
    Column("state_hash", sa.String(64), primary_key=True),
    Column("browser_hash", sa.String(64), nullable=False),
    Column("user_id", sa.String(255), nullable=False),
    Column("company_id", Id()),
    Column("client_id", Id()),
    Column("verifier", sa.Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)
Index("ix_oauth_states_user", oauth_states.c.user_id, oauth_states.c.created_at)
Index("ix_oauth_states_expires_at", oauth_states.c.expires_at)

# One row per thing that only one instance may do at a time; `holder` is who, until `expires_at`.
leases = Table(
    "leases",
    metadata,
    Column("name", sa.String(64), primary_key=True),
    Column("holder", sa.String(64), nullable=False),
    Column("expires_at", Instant, nullable=False),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("name", sa.String(64), primary_key=True),
    Column("total_runs", sa.Integer, nullable=False),
    Column("last_run_at", Instant, nullable=False),
    Column("last_duration_ms", sa.Double, nullable=False),
    Column("last_status", sa.String(20), nullable=False),
    Column("total_sent", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    Column("total_failed", sa.BigInteger, nullable=False, server_default=sa.text("0")),
)

# The circuit breaker in front of n8n, shared by all instances. Closed means `opened_at` is null.
breakers = Table(
    "breakers",
    metadata,
    Column("name", sa.String(64), primary_key=True),
    Column("failures", sa.Integer, nullable=False),
    Column("opened_at", Instant),
    Column("probe_at", Instant),
)

alerts = Table(
    "alerts",
    metadata,
    Column("kind", sa.String(64), primary_key=True),
    Column("subject", sa.String(255), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("count", sa.Integer, nullable=False),
    Column("detail", sa.Text, nullable=False),
)

# Counts that the status route need not make. Of a final status (`name`): how many posts had ever reached it before
# `counted_until`, and how many of those were pruned. Of anything else: how many there were then.
tallies = Table(
    "tallies",
    metadata,
    Column("name", sa.String(32), primary_key=True),
    Column("counted", sa.BigInteger, nullable=False),
    Column("counted_until", Instant, nullable=False),
    Column("pruned", sa.BigInteger, nullable=False),
)
# When each account may send next, and whose turn the last one was; a row is made only where a pace is set.
account_slots = Table(
    "account_slots",
    metadata,
    Column("account_id", Id(), primary_key=True),
    Column("free_at", Instant, nullable=False),
    Column("post_id", Id()),
    Column("attempt", sa.Integer),
)

# The latest turn of every post that had one in the last day, for the daily cap.
account_turns = Table(
    "account_turns",
    metadata,
    Column("account_id", Id(), primary_key=True),
    Column("post_id", Id(), primary_key=True),
    Column("at", Instant, nullable=False),
)
Index("ix_account_turns_at", account_turns.c.at)

# Answers to requests that carried an Idempotency-Key; `status` is null while the request is in `holder`'s hands.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", sa.String(255), primary_key=True),
    Column("key", sa.String(255), primary_key=True),
    Column("fingerprint", sa.String(64), nullable=False),
    Column("holder", sa.String(36), nullable=False),
    Column("lease_until", Instant, nullable=False),
    Column("status", sa.Integer),
    Column("headers", sa.JSON),
    Column("body", sa.Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    CheckConstraint("(status IS NULL) = (body IS NULL)", name="whole_answer"),
)
Index("ix_idempotency_keys_expires_at", idempotency_keys.c.expires_at)
