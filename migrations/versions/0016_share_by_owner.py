"""Keep the breaker's failures by owner, the armings of each user and hour, and the origin of refresh tokens.

A refresh token came by our own OAuth if LinkedIn named its end: no other way stores that end. Tokens of unknown origin
are no longer refreshed. Their accounts get the alert `reconnect_soon` ahead of the end of their access.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("breakers", sa.Column("weights", sa.JSON(), nullable=True))
    op.add_column(
        "social_accounts", sa.Column("refresh_granted", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.execute(
        "UPDATE social_accounts SET refresh_granted = true"
        " WHERE refresh_token IS NOT NULL AND refresh_expires_at IS NOT NULL"
    )
    op.create_table(
        "armings",
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "hour", name="pk_armings"),
    )
    op.create_index("ix_armings_hour", "armings", ["hour"])
