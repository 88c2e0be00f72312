"""The deletion of a company with its posts, accounts, members and clients.

Invariant: the members lose their access first, so nothing new begins while the rest is deleted. The company's own row
goes last, so an interrupted deletion can be run again.
"""

from __future__ import annotations

from app.audit import record
from app.deps import Deps
from app.domain.audit import Action
from app.domain.errors import Conflict, NotFound
from app.log import emit
from app.people.calling_off import OPERATOR, Done, call_off, in_batches, require_none_in_flight, revoke_tokens
from app.store.companies import access, companies
from app.store.people import erasure, steps


def count_company(deps: Deps, company_id: str) -> dict[str, int]:
    """Count the rows of a company by kind. Raises: NotFound, Unavailable."""
    with deps.db.reading() as connection:
        _require_company(erasure.company_name(connection, company_id))
        return erasure.count_company(connection, company_id)


def delete_company(deps: Deps, company_id: str) -> Done:
    """Delete a company: its members' access first, then its posts called off, tokens revoked, and its rows.

    The entries of its audit trail stay until AUDIT_RETENTION_DAYS.

    Raises: NotFound, Conflict (`in_flight`), Unavailable. Another run goes on.
    """
    done, its_posts = Done(), erasure.of_company(company_id)
    with deps.db.reading() as connection:
        _require_company(erasure.company_name(connection, company_id))
    require_none_in_flight(deps, its_posts)
    _shut(deps, company_id, done)
    call_off(deps, its_posts, done)
    require_none_in_flight(deps, its_posts)
    with deps.db.reading() as connection:
        found = erasure.accounts_of_company(connection, company_id)
    for account in found:
        revoke_tokens(deps, account, done)
        with deps.db.transaction() as tx:
            erasure.delete_account(tx, account.id)
        done.accounts += 1
    done.posts += in_batches(deps, lambda tx, limit: erasure.delete_posts(tx, its_posts, limit))
    _remove(deps, company_id)
    emit("company.deleted", company_id=company_id, by=OPERATOR, posts=done.posts, accounts=done.accounts)
    return done


def _shut(deps: Deps, company_id: str, done: Done) -> None:
    """End all access in one transaction, alone with the company: a writer's right holds until its own end."""
    with deps.db.transaction() as tx:
        access.lock_company(tx, company_id, exclusive=True)
        for step in steps.doors_of_company(company_id):
            while changed := step(tx, 1_000):
                done.rows += changed


def _remove(deps: Deps, company_id: str) -> None:
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        if any(erasure.count_company(tx, company_id).values()):
            raise Conflict("in_flight", "A post or an account was left. Run the command again.")
        companies.remove(tx, company_id)
        record(tx, OPERATOR, Action.COMPANY_REMOVED, f"company:{company_id}", now, company_id=company_id)


def _require_company(name: str | None) -> None:
    if name is None:
        raise NotFound("company_not_found", "There is no such company.")
