"""Add the jobs of bulk calls that take longer than a request."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("operations", sa.JSON(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("position >= 0 AND position <= total", name=op.f("ck_jobs_position_within")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    unfinished = sa.text("NOT finished")
    op.create_index("ix_jobs_open", "jobs", ["updated_at", "id"], postgresql_where=unfinished, sqlite_where=unfinished)
    op.create_index("ix_jobs_user", "jobs", ["user_id", "finished"])
    op.create_index("ix_jobs_expires_at", "jobs", ["expires_at"])
