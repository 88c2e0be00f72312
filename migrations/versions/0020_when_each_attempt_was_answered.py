"""Add the instants of an attempt's waking, acceptance and report, and the lateness of its alarm."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"


def upgrade() -> None:
    for name in ("woken_at", "accepted_at", "reported_at"):
        op.add_column("attempts", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("attempts", sa.Column("alarm_late_ms", sa.Double(), nullable=True))
