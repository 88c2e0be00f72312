"""Add the counters of the metrics, the publisher of each attempt, and an index of failed events."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "metric_counters",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "label", name=op.f("pk_metric_counters")),
    )
    op.create_table(
        "metric_states",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("counted_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_metric_states")),
    )
    op.add_column("attempts", sa.Column("publisher", sa.SmallInteger(), nullable=True))
    failed = sa.text("status = 'failed'")
    op.create_index(
        "ix_webhook_events_failed", "webhook_events", ["created_at"], postgresql_where=failed, sqlite_where=failed
    )
