"""Add webhook endpoints, and their events."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("company_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_until", INSTANT, nullable=True),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint("status IN ('enabled', 'disabled')", name="status"),
        sa.CheckConstraint("(previous_secret IS NULL) = (previous_until IS NULL)", name="previous_with_end"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoints"),
    )
    op.create_index("ix_webhook_endpoints_user", "webhook_endpoints", ["user_id", "created_at", "id"])
    _create_partial("ix_webhook_endpoints_company", "webhook_endpoints", ["company_id"], "company_id IS NOT NULL")
    _create_events()


def _create_events() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", INSTANT, nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(300), nullable=True),
        sa.Column("message_id", sa.String(255), nullable=True),
        sa.Column("delivered_at", INSTANT, nullable=True),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_events"),
    )
    _create_partial("ix_webhook_events_pending", "webhook_events", ["next_try_at", "id"], "status = 'pending'")
    op.create_index("ix_webhook_events_list", "webhook_events", ["endpoint_id", "created_at", "id"])
    op.create_index("ix_webhook_events_created_at", "webhook_events", ["created_at"])


def _create_partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
