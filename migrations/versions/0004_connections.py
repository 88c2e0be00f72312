"""Add the state of OAuth flows and of token refreshes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "oauth_states",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("company_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("client_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("verifier", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_oauth_states")),
    )
    op.create_index("ix_oauth_states_user", "oauth_states", ["user_id", "created_at"])
    op.create_index("ix_oauth_states_expires_at", "oauth_states", ["expires_at"])
    for name in ("refresh_expires_at", "refresh_lease_until", "refresh_retry_at"):
        op.add_column("social_accounts", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    failures = sa.Column("refresh_failures", sa.Integer(), nullable=False, server_default=sa.text("0"))
    op.add_column("social_accounts", failures)
    op.create_index("ix_social_accounts_expires_at", "social_accounts", ["expires_at"])
