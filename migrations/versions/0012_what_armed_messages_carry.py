"""Keep the fingerprint of what armed messages carry, and index the sends of the sweep."""

import sqlalchemy as sa
from alembic import op

from app.store.schema.columns import Instant

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("posts", sa.Column("armed_as", sa.String(16)))
    op.create_table(
        "armed_contents",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("rearmed_at", Instant()),
        sa.PrimaryKeyConstraint("name", name="pk_armed_contents"),
    )
    swept = sa.text("trigger = 'sweep'")
    op.create_index("ix_attempts_swept", "attempts", ["started_at"], postgresql_where=swept, sqlite_where=swept)
