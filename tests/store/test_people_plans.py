"""The queries of the audit trail, the invitations and the held posts run along their indexes."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.audit import AuditFilter
from app.store.accounts import accounts
from app.store.companies import invitations
from app.store.operations import audit
from app.store.posts import account_holds
from app.store.schema import tables as t
from app.store.schema.tables import new_id
from tests.store.test_access import explained
from tests.support.fakes import START
from tests.support.rows import Rows, account_row, later, post_row

MANY = 1_500
HELD = {"error_code": "member_left", "error_message": "Held."}


@pytest.fixture
def company(rows: Rows) -> str:
    """Fill the tables with rows of many companies, of which one is returned."""
    ids = [new_id() for _ in range(50)]
    entry = {"actor": "user-1", "action": "member.left", "target": "x", "fields": []}
    invitation = {"user_id": None, "role": "viewer", "invited_by": "user-1", "created_at": START}
    with rows.db.transaction() as tx:
        company = {"name": "x", "created_at": START, "updated_at": START}
        tx.execute(sa.insert(t.companies), [company | {"id": one} for one in ids])
        many = [(number, ids[number % 50]) for number in range(MANY)]
        entries = [entry | {"at": later(number), "company_id": one} for number, one in many]
        tx.execute(sa.insert(t.audit_entries), entries)
        ends = [
            {"id": new_id(), "company_id": one, "expires_at": later(number), "token_hash": str(number)}
            for number, one in many
        ]
        tx.execute(
            sa.insert(t.invitations), [invitation | row | {"user_id": f"user-{n}"} for n, row in enumerate(ends)]
        )
        of = [{"company_id": one, "external_id": str(number)} for number, one in many]
        profiles = [account_row(new_id(), profile_of=f"user-{n}", **row) for n, row in enumerate(of)]
        tx.execute(sa.insert(t.social_accounts), profiles)
        shared = [{"company_id": one, "social_account_id": new_id()} for _, one in many]
        tx.execute(
            sa.insert(t.posts), [post_row("failed", **row, **(HELD if n < 60 else {})) for n, row in enumerate(shared)]
        )
        tx.execute(sa.text("ANALYZE"))
    return ids[0]


QUERIES: dict[str, tuple[str, Any]] = {
    "company": ("ix_audit_company", lambda c, of: audit.of_company(c, of, AuditFilter(), 5, (later(900), 900))),
    "person": ("ix_audit_personal", lambda c, _: audit.of_person(c, "user-1", AuditFilter(), 5, None)),
    "pending": ("ix_invitations_list", lambda c, of: invitations.page(c, of, START, 5, None)),
    "mine": ("ix_invitations_user", lambda c, _: invitations.page_for(c, "user-7", START, 5, None)),
    "shared": ("ix_social_accounts_profile", lambda c, _: accounts.shared_page(c, "user-7", 5, None)),
    "leaving": ("ix_social_accounts_profile", lambda c, of: accounts.profiles_of(c, "user-50", of)),
    "withheld": ("ix_posts_withheld", lambda c, of: account_holds.withheld(c, of, 5)),
}


@pytest.mark.parametrize("name", QUERIES)
def test_query_runs_along_its_index(rows: Rows, company: str, name: str):
    index, read = QUERIES[name]
    assert index in explained(rows, lambda connection: read(connection, company))
