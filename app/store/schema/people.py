"""The tables of companies, invitations, personal keys, weekly slots and the audit trail. Registers webhooks' too."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table

import app.store.schema.webhooks  # noqa: F401  # registers its tables
from app.domain.companies import Role
from app.store.schema.columns import Id, Instant, metadata, partial, quoted_list

companies = Table(
    "companies",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("name", sa.String(255), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("company_id", Id(), ForeignKey("companies.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", sa.String(255), primary_key=True),
    Column("role", sa.String(20), nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint(f"role IN ({quoted_list(Role)})", name="role"),
)
Index("ix_memberships_user", memberships.c.user_id, memberships.c.created_at, memberships.c.company_id)
Index("ix_memberships_list", memberships.c.company_id, memberships.c.created_at, memberships.c.user_id)

clients = Table(
    "clients",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("company_id", Id(), ForeignKey("companies.id", ondelete="CASCADE"), nullable=False),
    Column("name", sa.String(255), nullable=False),
    Column("name_key", sa.Text, nullable=False),  # case-folded by the app, because the two databases fold differently
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    sa.UniqueConstraint("company_id", "name_key", name="uq_clients_name"),
)
Index("ix_clients_list", clients.c.company_id, clients.c.created_at, clients.c.id)

# Invitations by a company's owners. Revoking or replacing one deletes its row. An accepted row stays until its end, so
# a repeated acceptance gets the same answer.
invitations = Table(
    "invitations",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("company_id", Id(), ForeignKey("companies.id", ondelete="CASCADE"), nullable=False),
    Column("token_hash", sa.String(64), nullable=False),
    Column("user_id", sa.String(255)),  # the only user with the right to accept. Null: any holder of the token
    Column("email", sa.String(254)),
    Column("role", sa.String(20), nullable=False),
    Column("invited_by", sa.String(255), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("accepted_at", Instant),
    Column("accepted_by", sa.String(255)),
    CheckConstraint(f"role IN ({quoted_list(Role)})", name="role"),
    CheckConstraint("(accepted_at IS NULL) = (accepted_by IS NULL)", name="accepted_by_a_user"),
    sa.UniqueConstraint("token_hash", name="uq_invitations_token"),
)
Index("ix_invitations_list", invitations.c.company_id, invitations.c.created_at, invitations.c.id)
Index(
    "ix_invitations_user",
    *(invitations.c.user_id, invitations.c.created_at, invitations.c.id),
    **partial("user_id IS NOT NULL"),
)
Index("ix_invitations_expires_at", invitations.c.expires_at)

# Personal API keys, stored as hashes. A revoked key has `revoked_at`, and its end in `expires_at`. It stays a while, so
# its caller learns that it was revoked.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Id(), primary_key=True),
    Column("user_id", sa.String(255), nullable=False),
    Column("name", sa.String(100), nullable=False),
    Column("prefix", sa.String(16), nullable=False),
    Column("token_hash", sa.String(64), nullable=False),
    Column("scopes", sa.JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    CheckConstraint("revoked_at IS NULL OR expires_at IS NOT NULL", name="end_when_revoked"),
    sa.UniqueConstraint("token_hash", name="uq_api_keys_token"),
)
Index("ix_api_keys_list", api_keys.c.user_id, api_keys.c.created_at, api_keys.c.id)
Index("ix_api_keys_expires_at", api_keys.c.expires_at, **partial("expires_at IS NOT NULL"))

# The weekly slots of an account's queue, as `mon 09:00:00` in its zone. A post that takes the next free slot locks its
# account's row, so two posts never take one slot.
account_queues = Table(
    "account_queues",
    metadata,
    Column("account_id", Id(), ForeignKey("social_accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("time_zone", sa.String(64), nullable=False),
    Column("slots", sa.JSON, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

# The audit trail. A company's entries outlive its members, accounts and clients, so they refer to no other table.
# `company_id` is null for a change of a personal account or key. `fields` are names of changed fields, never values.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("company_id", Id()),
    Column("actor", sa.String(255), nullable=False),
    Column("action", sa.String(64), nullable=False),
    Column("target", sa.String(300), nullable=False),
    Column("fields", sa.JSON, nullable=False),
    Column("client_address", sa.String(64)),
    Column("user_agent", sa.String(200)),
    Column("request_id", sa.String(128)),
)
_entry = audit_entries.c
_newest = (_entry.at, _entry.id)
_shared, _personal = partial("company_id IS NOT NULL"), partial("company_id IS NULL")
Index("ix_audit_company", _entry.company_id, *_newest, **_shared)
Index("ix_audit_company_actor", _entry.company_id, _entry.actor, *_newest, **_shared)
Index("ix_audit_company_action", _entry.company_id, _entry.action, *_newest, **_shared)
Index("ix_audit_personal", _entry.actor, *_newest, **_personal)
Index("ix_audit_at", _entry.at)
