"""Add invitations, the audit trail, and the person of a profile shared with a company.

An account shared before this migration counts as its connector's own profile, unless it belongs to a client or is a
page: LinkedIn's organizations, and Facebook, which publishes to pages alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
HELD = "status = 'failed' AND error_code IN ('member_left', 'account_withdrawn')"


def upgrade() -> None:
    _create_invitations()
    _create_audit_entries()
    op.add_column("social_accounts", sa.Column("profile_of", sa.String(255), nullable=True))
    op.execute(
        "UPDATE social_accounts SET profile_of = user_id WHERE company_id IS NOT NULL AND client_id IS NULL"
        " AND platform <> 'facebook' AND external_id NOT LIKE 'urn:li:organization%'"
        " AND external_id NOT LIKE 'urn:li:company%'"
    )
    _index(
        "ix_social_accounts_profile", "social_accounts", "profile_of IS NOT NULL", ["profile_of", "created_at", "id"]
    )
    _index("ix_posts_withheld", "posts", HELD, ["company_id", "social_account_id", "error_code"])


def _create_invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("company_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(255)),
        sa.Column("email", sa.String(254)),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("invited_by", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
        sa.Column("accepted_by", sa.String(255)),
        sa.CheckConstraint("role IN ('owner', 'editor', 'viewer')", name=op.f("ck_invitations_role")),
        sa.CheckConstraint(
            "(accepted_at IS NULL) = (accepted_by IS NULL)", name=op.f("ck_invitations_accepted_by_a_user")
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name=op.f("fk_invitations_company_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token"),
    )
    op.create_index("ix_invitations_list", "invitations", ["company_id", "created_at", "id"])
    _index("ix_invitations_user", "invitations", "user_id IS NOT NULL", ["user_id", "created_at", "id"])
    op.create_index("ix_invitations_expires_at", "invitations", ["expires_at"])


def _create_audit_entries() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("company_id", sa.Uuid(as_uuid=False)),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(300), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("client_address", sa.String(64)),
        sa.Column("user_agent", sa.String(200)),
        sa.Column("request_id", sa.String(128)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    shared, personal = "company_id IS NOT NULL", "company_id IS NULL"
    _index("ix_audit_company", "audit_entries", shared, ["company_id", "at", "id"])
    _index("ix_audit_company_actor", "audit_entries", shared, ["company_id", "actor", "at", "id"])
    _index("ix_audit_company_action", "audit_entries", shared, ["company_id", "action", "at", "id"])
    _index("ix_audit_personal", "audit_entries", personal, ["actor", "at", "id"])
    op.create_index("ix_audit_at", "audit_entries", ["at"])


def _index(name: str, table: str, condition: str, columns: list[str]) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)
