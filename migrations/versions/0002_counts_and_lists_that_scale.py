"""Add stored counts and list indexes, so counts and lists cost the same for any number of posts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INDEXES = {
    "ix_posts_list_status": (
        ["user_id", "status", "created_at", "id"],
        "status IN ('draft', 'scheduled', 'failed', 'cancelled')",
    ),
    "ix_posts_promise": (["user_id", "scheduled_at"], "scheduled_at IS NOT NULL"),
    "ix_posts_company": (["company_id", "created_at", "id"], "company_id IS NOT NULL"),
    "ix_posts_client": (["client_id", "created_at", "id"], "client_id IS NOT NULL"),
    "ix_posts_resting": (["status", "updated_at", "id"], "status IN ('draft', 'published', 'failed', 'cancelled')"),
}


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("counted_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pruned", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tallies")),
    )
    for name, (columns, condition) in INDEXES.items():
        where = sa.text(condition)
        op.create_index(name, "posts", columns, unique=False, postgresql_where=where, sqlite_where=where)
