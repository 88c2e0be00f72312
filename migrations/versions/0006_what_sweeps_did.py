"""Add the sweeps' totals of sent and failed posts, and an index of stale claims."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

STALE = sa.text("reason IN ('lease_over', 'lease_over_held', 'lease_over_unsent')")


def upgrade() -> None:
    for name in ("total_sent", "total_failed"):
        op.add_column("sweeps", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_index(
        "ix_transitions_stale", "transitions", ["at"], unique=False, postgresql_where=STALE, sqlite_where=STALE
    )
