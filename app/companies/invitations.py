"""Invitations: a person joins a company by accepting one.

Invariant: a token works once, within its time, for the invited user alone, and while its inviter may still give the
role. It is shown once and stored as a hash.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from app import quotas
from app.audit import record
from app.companies.permissions import require_member
from app.deps import Deps
from app.domain.audit import Action
from app.domain.companies import (
    INVITATION_LIFETIME,
    MAX_INVITATION_LIFETIME,
    MAX_PENDING_INVITATIONS,
    Invitation,
    Member,
    Right,
    Role,
    may_grant,
)
from app.domain.errors import Conflict, Forbidden, NotFound, invalid_field
from app.log import emit
from app.store.companies import access, companies
from app.store.companies import invitations as stored
from app.store.engine import Connection
from app.store.paging import After
from app.store.schema.tables import new_id

TOKEN_BYTES = 32
MAX_TOKEN = 128  # characters of a token in a request


@dataclass(frozen=True, slots=True)
class Wanted:
    """An invitation as its inviter asks for it. Without a user, any holder of the token may accept."""

    role: Role
    user_id: str | None = None
    email: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class NewInvitation:
    """A new invitation with its token, which is shown this once."""

    invitation: Invitation
    token: str


def invite(deps: Deps, user_id: str, company_id: str, wanted: Wanted) -> NewInvitation:
    """Invite a person, as an owner. An earlier pending invitation of the same user or address is replaced.

    Raises: NotFound, Forbidden, Conflict (`already_member`), Invalid for a wrong end and at too many invitations.
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        own = require_member(tx, user_id, company_id, Right.GOVERN, alone=True)
        made = invite_in(tx, user_id, own, company_id, wanted, now)
    log_invited(made)
    return made


def log_invited(made: NewInvitation) -> None:
    """Log a committed invitation, without its token."""
    one = made.invitation
    emit("company.invitation", company_id=one.company_id, invitation_id=one.id, role=one.role, by=one.invited_by)


def invite_in(tx: Connection, user_id: str, own: Role, company_id: str, wanted: Wanted, now: datetime) -> NewInvitation:
    """Do the same within a transaction with the company's exclusive lock. `own` is the inviter's role."""
    expires_at = _end_of(wanted, now)
    if not may_grant(own, wanted.role):
        raise Forbidden("role_insufficient", "You cannot give a role with more rights than your own.")
    if wanted.user_id is not None and access.role_of(tx, company_id, wanted.user_id) is not None:
        raise Conflict("already_member", "This user is a member already. Change the role of the member instead.")
    _end_former(tx, user_id, company_id, wanted, now)
    pending = stored.count_pending(tx, company_id, now)
    if pending >= MAX_PENDING_INVITATIONS:
        message = f"The company has {pending} pending invitations. Revoke some first."
        raise invalid_field("invitations", "quota_exceeded", message, MAX_PENDING_INVITATIONS, pending)
    made = Invitation(new_id(), company_id, wanted.user_id, wanted.email, wanted.role, user_id, now, expires_at)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    stored.create(tx, made, _hash(token))
    record(tx, user_id, Action.MEMBER_INVITED, _target(made.id), now, company_id=company_id, fields=_named(wanted))
    return NewInvitation(made, token)


def revoke(deps: Deps, user_id: str, company_id: str, invitation_id: str) -> None:
    """Revoke a pending invitation, as an owner.

    Raises: NotFound, Forbidden.
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        require_member(tx, user_id, company_id, Right.GOVERN, alone=True)
        if not stored.revoke(tx, company_id, invitation_id):
            raise _no_such_invitation()
        record(tx, user_id, Action.INVITATION_ENDED, _target(invitation_id), now, company_id=company_id)


def accept(deps: Deps, user_id: str, token: str, invitation_id: str | None = None) -> Member:
    """Accept an invitation by its token, or by its id where it names this user. Return the membership.

    `invitation_id` is the token where it has the form of an id.

    The same user may accept again while a member, and gets the same answer.

    Raises: NotFound, Invalid above the quota of members.
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        found = _find(tx, user_id, token, invitation_id)
        access.lock_company(tx, found.company_id, exclusive=True)
        invitation = _find(tx, user_id, token, invitation_id)  # again under the lock: it may have ended meanwhile
        _require_open(tx, invitation, user_id, now)
        member = companies.member(tx, invitation.company_id, user_id)
        if member is not None:
            return member
        if invitation.accepted_at is not None:
            raise _no_such_invitation()  # used by a member who has left since
        member = companies.put_member(tx, invitation.company_id, user_id, invitation.role, now)
        quotas.require_member_quota(deps.settings, tx, invitation.company_id)
        stored.accept(tx, invitation.id, user_id, now)
        target, company_id = f"member:{user_id}", member.company_id
        record(tx, user_id, Action.MEMBER_JOINED, target, now, company_id=company_id, fields=["role"])
    emit("company.member", company_id=company_id, user_id=user_id, role=member.role, by=invitation.invited_by)
    return member


def list_pending(deps: Deps, user_id: str, company_id: str, limit: int, after: After | None) -> list[Invitation]:
    """Return a page of the company's pending invitations, for owners, oldest first.

    Raises: NotFound, Forbidden.
    """
    with deps.db.reading() as connection:
        require_member(connection, user_id, company_id, Right.GOVERN)
        return stored.page(connection, company_id, deps.clock.now(), limit, after)


def list_mine(deps: Deps, user_id: str, limit: int, after: After | None) -> list[tuple[Invitation, str]]:
    """Return a page of the pending invitations that name this user, each with its company's name."""
    with deps.db.reading() as connection:
        return stored.page_for(connection, user_id, deps.clock.now(), limit, after)


def _end_of(wanted: Wanted, now: datetime) -> datetime:
    if wanted.expires_at is None:
        return now + INVITATION_LIFETIME
    if wanted.expires_at <= now:
        raise invalid_field("expiresAt", "expires_in_past", "Choose an end in the future.")
    if wanted.expires_at > now + MAX_INVITATION_LIFETIME:
        message = f"Choose an end within {MAX_INVITATION_LIFETIME.days} days."
        raise invalid_field("expiresAt", "expires_too_late", message)
    return wanted.expires_at


def _end_former(tx: Connection, user_id: str, company_id: str, wanted: Wanted, now: datetime) -> None:
    for former in stored.end_pending_for(tx, company_id, wanted.user_id, wanted.email):
        record(tx, user_id, Action.INVITATION_ENDED, _target(former), now, company_id=company_id)


def _find(tx: Connection, user_id: str, token: str, invitation_id: str | None) -> Invitation:
    found = stored.by_hash(tx, _hash(token))
    if found is None and invitation_id is not None:
        found = stored.by_id_for(tx, invitation_id, user_id)
    if found is None:
        raise _no_such_invitation()
    return found


def _require_open(tx: Connection, invitation: Invitation, user_id: str, now: datetime) -> None:
    """Check the invitation's time, its invited user, and the inviter's present right to give the role.

    Raises: NotFound.
    """
    if invitation.user_id not in (None, user_id) or invitation.accepted_by not in (None, user_id):
        raise _no_such_invitation()
    if invitation.accepted_at is not None:
        return
    inviter = access.role_of(tx, invitation.company_id, invitation.invited_by)
    may_invite = inviter is Role.OWNER and may_grant(inviter, invitation.role)
    if not stored.is_valid(invitation, now) or not may_invite:
        raise _no_such_invitation()


def _named(wanted: Wanted) -> list[str]:
    return [name for name in ("role", "user_id", "email") if getattr(wanted, name) is not None]


def _target(invitation_id: str) -> str:
    return f"invitation:{invitation_id}"


def _no_such_invitation() -> NotFound:
    return NotFound(
        "invitation_not_found", "This invitation is unknown, used, revoked or past its end. Ask for another."
    )


def _hash(text: str) -> str:
    """Hash a token, so a reader of the table cannot use it. A plain hash is enough for random input."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
