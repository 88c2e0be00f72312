"""Count the repeated alarms of a due instant, which have a bound."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("posts", sa.Column("rearm_count", sa.Integer(), server_default=sa.text("0"), nullable=False))
