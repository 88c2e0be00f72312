"""Add personal API keys, stored as hashes."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("revoked_at IS NULL OR expires_at IS NOT NULL", name=op.f("ck_api_keys_end_when_revoked")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("token_hash", name="uq_api_keys_token"),
    )
    op.create_index("ix_api_keys_list", "api_keys", ["user_id", "created_at", "id"])
    where = sa.text("expires_at IS NOT NULL")
    op.create_index("ix_api_keys_expires_at", "api_keys", ["expires_at"], postgresql_where=where, sqlite_where=where)
