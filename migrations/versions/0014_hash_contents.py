"""Add the hash of a post's text and its index, and cut the request's text out of kept answers.

Rows already stored keep NULL: they are hashed when next edited or scheduled, and are not compared until then. Hashing
all of them here would hold the table's lock, and stop every send, for as long as it takes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("posts", sa.Column("content_hash", sa.BigInteger(), nullable=True))
    op.add_column("idempotency_keys", sa.Column("content_at", sa.Integer(), nullable=True))
    where = sa.text("status IN ('scheduled', 'publishing', 'published') AND content_hash IS NOT NULL")
    columns = ["social_account_id", "content_hash", "scheduled_at"]
    op.create_index("ix_posts_account_text", "posts", columns, postgresql_where=where, sqlite_where=where)
