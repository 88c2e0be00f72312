"""Add the indexes of lists by updatedAt and scheduledAt."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

INDEXES = {
    "ix_posts_changed": (["user_id", "updated_at", "id"], None),
    "ix_posts_undated": (["user_id", "created_at", "id"], "scheduled_at IS NULL"),
    "ix_posts_company_changed": (["company_id", "updated_at", "id"], "company_id IS NOT NULL"),
    "ix_posts_company_time": (
        ["company_id", "scheduled_at", "id"],
        "company_id IS NOT NULL AND scheduled_at IS NOT NULL",
    ),
}


def upgrade() -> None:
    for name, (columns, condition) in INDEXES.items():
        kinds = ("postgresql", "sqlite") if condition else ()
        where: dict[str, Any] = {f"{kind}_where": sa.text(condition or "") for kind in kinds}
        op.create_index(name, "posts", columns, **where)
