"""Lets users join a company as in production: an owner invites, and the user accepts."""

from app.companies import invitations, members
from app.deps import Deps
from app.domain.companies import Member, Role


def join(deps: Deps, owner: str, company_id: str, user: str, role: Role) -> Member:
    """Make the user a member, or give a member this role."""
    done = members.put_member(deps, owner, company_id, user, role)
    return invitations.accept(deps, user, done.token) if isinstance(done, invitations.NewInvitation) else done
