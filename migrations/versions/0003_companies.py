"""Add companies, members and clients. An account now belongs to a person or to a company.

Before this migration a post or an account could name any company, without a check. No companies existed, so these
names have no meaning. Only members see a company's posts, so a kept name would hide a post from its author. The names
are therefore dropped.

SQLite cannot drop a constraint, so `social_accounts` is rebuilt there with its existing columns and CHECKs. `posts`
must never be rebuilt this way, because dropping it would delete its attempts and transitions.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_tables()
    for table in ("posts", "social_accounts"):
        named = "company_id IS NOT NULL OR client_id IS NOT NULL"
        op.execute(f"UPDATE {table} SET company_id = NULL, client_id = NULL WHERE {named}")
    _replace_account_keys()
    op.drop_index("ix_posts_account", "posts")
    op.create_index("ix_posts_account", "posts", ["social_account_id", "created_at", "id"])


def _create_tables() -> None:
    op.create_table(
        "companies",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_companies")),
    )
    op.create_table(
        "memberships",
        sa.Column("company_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('owner', 'editor', 'viewer')", name=op.f("ck_memberships_role")),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name=op.f("fk_memberships_company_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("company_id", "user_id", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_user", "memberships", ["user_id", "created_at", "company_id"])
    op.create_index("ix_memberships_list", "memberships", ["company_id", "created_at", "user_id"])
    op.create_table(
        "clients",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("company_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name=op.f("fk_clients_company_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        sa.UniqueConstraint("company_id", "name_key", name="uq_clients_name"),
    )
    op.create_index("ix_clients_list", "clients", ["company_id", "created_at", "id"])


def _replace_account_keys() -> None:
    with op.batch_alter_table("social_accounts") as batch:
        batch.drop_constraint("uq_social_accounts_owner", type_="unique")
    for owner, condition in (("user", "company_id IS NULL"), ("company", "company_id IS NOT NULL")):
        op.create_index(
            f"uq_social_accounts_{owner}",
            "social_accounts",
            [f"{owner}_id", "platform", "external_id"],
            unique=True,
            postgresql_where=sa.text(condition),
            sqlite_where=sa.text(condition),
        )
