"""Add the private addresses of calendars."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("company_id", sa.Uuid(as_uuid=False)),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name=op.f("fk_feeds_company_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeds")),
        sa.UniqueConstraint("token_hash", name="uq_feeds_token"),
    )
    op.create_index("ix_feeds_user", "feeds", ["user_id", "created_at", "id"])
    of_company = sa.text("company_id IS NOT NULL")
    op.create_index("ix_feeds_company", "feeds", ["company_id"], postgresql_where=of_company, sqlite_where=of_company)
