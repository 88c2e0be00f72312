"""Include lateness in the index of attempts, so its figures need no lookups."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":  # SQLite has no included columns
        return
    op.drop_index("ix_attempts_started_at", "attempts")
    op.create_index("ix_attempts_started_at", "attempts", ["started_at"], postgresql_include=["attempt", "lateness_ms"])
