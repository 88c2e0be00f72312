"""Count the breaker's time-outs apart from its refusals."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("breakers", sa.Column("timeouts", sa.Integer(), server_default=sa.text("0"), nullable=False))
