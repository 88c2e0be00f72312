"""Add when the maker of a webhook endpoint was last seen as an admin."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("webhook_endpoints", sa.Column("admin_seen_at", sa.DateTime(timezone=True)))
