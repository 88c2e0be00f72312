"""Count the calls of each caller for rate limits, and the accounts of each user for quotas."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "rate_limits",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_rate_limits"),
    )
    op.create_index("ix_rate_limits_ends_at", "rate_limits", ["ends_at"])
    op.create_index("ix_social_accounts_connected_by", "social_accounts", ["user_id"])
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE rate_limits SET UNLOGGED")
