"""Keep with each attempt the connection of its account, by the instant of the access token."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("connected_at", sa.DateTime(timezone=True)))
