"""Add the window of sends in flight to n8n, and the share of each process."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "in_flight",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("size", sa.Double(), nullable=True),
        sa.Column("holders", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_in_flight"),
    )
