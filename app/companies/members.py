"""Members of a company: their list, their roles, their leaving.

Invariant: a company always has an owner, and all access of a former member ends in the transaction of the removal.
"""

from __future__ import annotations

from datetime import datetime

from app.audit import record
from app.companies import holds, invitations
from app.companies.permissions import require_member
from app.deps import Deps
from app.domain.audit import Action
from app.domain.companies import Member, Right, Role, leaves_no_owner
from app.domain.errors import Conflict, NotFound
from app.log import emit
from app.store.companies import access, companies
from app.store.companies import invitations as stored_invitations
from app.store.engine import Connection
from app.store.paging import After


def list_members(deps: Deps, user_id: str, company_id: str, limit: int, after: After | None) -> list[Member]:
    """Return a page of the company's members, oldest first.

    Raises: NotFound.
    """
    with deps.db.reading() as connection:
        require_member(connection, user_id, company_id, Right.READ)
        return companies.members(connection, company_id, limit, after)


def put_member(
    deps: Deps, user_id: str, company_id: str, member_id: str, role: Role
) -> Member | invitations.NewInvitation:
    """Give a member another role. Invite a user who is no member: without consent, membership does not begin.

    Raises: NotFound, Forbidden, Conflict (`last_owner`), Invalid (`quota_exceeded`).
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        own = require_member(tx, user_id, company_id, Right.GOVERN, alone=True)
        current = access.role_of(tx, company_id, member_id)
        if current is not None:
            done: Member | invitations.NewInvitation = _change_role(
                tx, user_id, company_id, member_id, current, role, now
            )
        else:
            wanted = invitations.Wanted(role, user_id=member_id)
            done = invitations.invite_in(tx, user_id, own, company_id, wanted, now)
    if isinstance(done, Member):
        emit("company.member", company_id=company_id, user_id=member_id, role=role, by=user_id)
    else:
        invitations.log_invited(done)
    return done


def _change_role(
    tx: Connection, user_id: str, company_id: str, member_id: str, current: Role, role: Role, now: datetime
) -> Member:
    _require_owner_left(tx, company_id, current, role)
    member = companies.put_member(tx, company_id, member_id, role, now)
    if role is not Role.OWNER:
        stored_invitations.end_pending_by(tx, company_id, member_id)
    if role is not current:
        record(tx, user_id, Action.MEMBER_CHANGED, f"member:{member_id}", now, company_id=company_id, fields=["role"])
    return member


def remove_member(deps: Deps, user_id: str, company_id: str, member_id: str) -> None:
    """Remove a member. An owner removes any member, and every member may leave.

    Scheduled posts through the member's own profiles are held.

    Raises: NotFound, Forbidden, Conflict (`last_owner`).
    """
    right, now = Right.READ if member_id == user_id else Right.GOVERN, deps.clock.now()
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, right, alone=True)
        current = access.role_of(tx, company_id, member_id)
        if current is None:
            raise NotFound("member_not_found", "The company has no such member.")
        _require_owner_left(tx, company_id, current, None)
        companies.remove_member(tx, company_id, member_id)
        _end_access(tx, company_id, member_id)
        action = Action.MEMBER_LEFT if member_id == user_id else Action.MEMBER_REMOVED
        record(tx, user_id, action, f"member:{member_id}", now, company_id=company_id)
        held = holds.hold_profiles(tx, company_id, member_id, user_id, now)
    emit("company.member", company_id=company_id, user_id=member_id, role=None, by=user_id)
    holds.after_hold(deps, held, company_id)


def _end_access(tx: Connection, company_id: str, member_id: str) -> None:
    """End all other ways into the company: the pending invitations by the member.

    Three things need nothing here. A personal key has the rights that its user has at each call, so its way into the
    company ends with the membership. `app.idempotency` checks the right to read before each replay, and a connection in
    progress checks it at its end.
    """
    stored_invitations.end_pending_by(tx, company_id, member_id)


def _require_owner_left(tx: Connection, company_id: str, current: Role | None, wanted: Role | None) -> None:
    if leaves_no_owner(current, wanted, companies.count_owners(tx, company_id)):
        raise Conflict("last_owner", "A company needs an owner. Make another member one first.")
