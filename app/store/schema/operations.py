"""The operational tables: states of OAuth, leases, sweeps, holds, breaker, pause, alerts, counts, keys and limits."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Index, Table

from app.store.schema.columns import Id, Instant, metadata

# OAuth flows in progress. Single use: the callback deletes the row it finds.
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

# One row per job reserved for a single instance: `holder` has it until `expires_at`.
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

# The latest runs, for operators. `remaining` is null where the database was away for the count.
sweep_runs = Table(
    "sweep_runs",
    metadata,
    Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("duration_ms", sa.Integer, nullable=False),
    Column("status", sa.String(20), nullable=False),
    Column("recovered", sa.Integer, nullable=False),
    Column("failed", sa.Integer, nullable=False),
    Column("expired", sa.Integer, nullable=False),
    Column("armed", sa.Integer, nullable=False),
    Column("held", sa.Integer, nullable=False),
    Column("pruned", sa.Integer, nullable=False),
    Column("remaining", sa.Integer),
)

# The times that the database went back in time, by a restored backup or a failover that lost commits. `since`: the
# latest instant found in it. `until`: the discovery. `proven_at`: an instant after the backup, null where unknown.
# `finished_at` is null until all posts in doubt are held.
recovery_holds = Table(
    "recovery_holds",
    metadata,
    Column("id", sa.Integer, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("proven_at", Instant),
    Column("evidence", sa.Text, nullable=False),
    Column("held", sa.Integer, nullable=False),
    Column("finished_at", Instant),
)

# The circuit breaker in front of n8n, shared by all instances. It is closed while `opened_at` is null.
breakers = Table(
    "breakers",
    metadata,
    Column("name", sa.String(64), primary_key=True),
    Column("failures", sa.Integer, nullable=False),
    Column("opened_at", Instant),
    Column("probe_at", Instant),
    Column("timeouts", sa.Integer, nullable=False, server_default=sa.text("0")),
    Column("weights", sa.JSON(none_as_null=True)),  # of each owner's failures, by a hash of the owner
)

# The sends in flight to the publisher. `size` is the learned window, null before the first answers. `holders` has the
# share of each process that delivers, by a random name.
in_flight = Table(
    "in_flight",
    metadata,
    Column("name", sa.String(64), primary_key=True),
    Column("size", sa.Double),
    Column("holders", sa.JSON, nullable=False),
)

# A pause of all sending by the operator. Sending is paused while the row exists.
pauses = Table(
    "pauses",
    metadata,
    Column("name", sa.String(64), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("reason", sa.String(200), nullable=False),
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

# The fingerprint of what messages carry, and the instant when it was first seen. `rearmed_at` is null while posts armed
# with another content may be left.
armed_contents = Table(
    "armed_contents",
    metadata,
    Column("name", sa.String(32), primary_key=True),
    Column("fingerprint", sa.String(16), nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("rearmed_at", Instant),
)

# The alarms that each user's orders have set, by clock hour.
armings = Table(
    "armings",
    metadata,
    Column("user_id", sa.String(255), primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("spent", sa.Integer, nullable=False),
)
Index("ix_armings_hour", armings.c.hour)

# Stored counts, which spare the status route the counting. For a final status (`name`): the posts that ever reached it
# before `counted_until`, and how many of them were pruned. For any other name: the number of posts at `counted_until`.
tallies = Table(
    "tallies",
    metadata,
    Column("name", sa.String(32), primary_key=True),
    Column("counted", sa.BigInteger, nullable=False),
    Column("counted_until", Instant, nullable=False),
    Column("pruned", sa.BigInteger, nullable=False),
)

# Counters of the metrics. Each process adds its own every few seconds.
metric_counters = Table(
    "metric_counters",
    metadata,
    Column("name", sa.String(64), primary_key=True),
    Column("label", sa.String(64), primary_key=True),
    Column("value", sa.BigInteger, nullable=False),
)

# The counters made of rows. `totals` never falls. `seen` has the figures of rows since `counted_from` that are in it.
metric_states = Table(
    "metric_states",
    metadata,
    Column("name", sa.String(32), primary_key=True),
    Column("version", sa.Integer, nullable=False),
    Column("counted_from", Instant, nullable=False),
    Column("totals", sa.JSON, nullable=False),
    Column("seen", sa.JSON, nullable=False),
)

# The instant of each account's next send, and the post of its last turn. Only accounts with a pace have a row.
account_slots = Table(
    "account_slots",
    metadata,
    Column("account_id", Id(), primary_key=True),
    Column("free_at", Instant, nullable=False),
    Column("post_id", Id()),
    Column("attempt", sa.Integer),
)

# The latest turn of each post in the last day, for the daily cap.
account_turns = Table(
    "account_turns",
    metadata,
    Column("account_id", Id(), primary_key=True),
    Column("post_id", Id(), primary_key=True),
    Column("at", Instant, nullable=False),
)
Index("ix_account_turns_at", account_turns.c.at)

# Answers to requests with an Idempotency-Key. `status` is null while `holder` works on the request. The request's own
# text is left out of `body` at `content_at`.
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
    Column("content_at", sa.Integer),
    CheckConstraint("(status IS NULL) = (body IS NULL)", name="whole_answer"),
)
Index("ix_idempotency_keys_expires_at", idempotency_keys.c.expires_at)

# The calls of each caller in the current window. `key` is a hash, so no address and no user is readable here. On
# PostgreSQL the table is unlogged: a count may be lost in a crash, and costs no flush of the log.
rate_limits = Table(
    "rate_limits",
    metadata,
    Column("key", sa.String(64), primary_key=True),
    Column("hits", sa.Integer, nullable=False),
    Column("ends_at", Instant, nullable=False),
)
Index("ix_rate_limits_ends_at", rate_limits.c.ends_at)
