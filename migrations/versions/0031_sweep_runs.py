"""Keep the latest sweeps, and index late sends."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0029"


def upgrade() -> None:
    counts = ("recovered", "failed", "expired", "armed", "held", "pruned")
    op.create_table(
        "sweep_runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in counts),
        sa.Column("remaining", sa.Integer),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_runs")),
    )
    late = sa.text("lateness_ms > 1000")
    op.create_index("ix_attempts_late", "attempts", ["started_at"], postgresql_where=late, sqlite_where=late)
