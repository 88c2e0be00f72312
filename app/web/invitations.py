"""Routes for invitations to companies.

Invariant: a token is shown in the answer that creates it, and is in no log.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask.views import MethodView

from app.companies import invitations
from app.companies.invitations import MAX_TOKEN, NewInvitation, Wanted
from app.domain.companies import Member, Role
from app.domain.errors import NotFound
from app.web import company_schemas as schemas
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.ids import uuid_or_404, uuid_or_none
from app.web.paging import page

blueprint = UserBlueprint("invitations", __name__, url_prefix="/api", description="Invitations to companies")


def new_invitation(made: NewInvitation) -> dict[str, Any]:
    return asdict(made.invitation) | {"token": made.token}


@blueprint.route("/companies/<company_id>/invitations")
class Invitations(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listInvitations", "403 role_insufficient", "404 not_found company_not_found")
    @blueprint.arguments(schemas.PageQuery, location="query")
    @blueprint.response(200, schemas.InvitationPage)
    def get(self, query: dict[str, Any], company_id: str) -> dict[str, Any]:
        """List a company's pending invitations, as an owner, oldest first."""
        of = uuid_or_404(company_id)
        return page(
            query,
            lambda limit, after: invitations.list_pending(deps(), user_id(), of, limit, after),
            lambda one: (one.created_at, one.id),
        )

    @blueprint.operation(
        "createInvitation",
        "403 role_insufficient",
        "404 not_found company_not_found",
        "409 already_member",
        "422 expires_in_past expires_too_late quota_exceeded",
    )
    @blueprint.arguments(schemas.InvitationBody)
    @blueprint.response(201, schemas.NewInvitationView)
    def post(self, body: dict[str, Any], company_id: str) -> dict[str, Any]:
        """Invite a person, as an owner. The token is shown this once.

        With userId, that user alone may accept, and an earlier pending invitation of the user is replaced.
        """
        email = body["email"].lower() if body["email"] is not None else None
        wanted = Wanted(Role(body["role"]), body["user_id"], email, body["expires_at"])
        return new_invitation(invitations.invite(deps(), user_id(), uuid_or_404(company_id), wanted))


@blueprint.route("/companies/<company_id>/invitations/<invitation_id>")
class OneInvitation(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation(
        "revokeInvitation",
        "403 role_insufficient",
        "404 not_found company_not_found invitation_not_found",
    )
    @blueprint.response(204)
    def delete(self, company_id: str, invitation_id: str) -> None:
        """Revoke a pending invitation, as an owner."""
        invitations.revoke(deps(), user_id(), uuid_or_404(company_id), uuid_or_404(invitation_id))


@blueprint.route("/invitations")
class OwnInvitations(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listOwnInvitations")
    @blueprint.arguments(schemas.PageQuery, location="query")
    @blueprint.response(200, schemas.OwnInvitationPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the pending invitations that name you, oldest first. Accept one by its id or its token."""
        found = page(
            query,
            lambda limit, after: invitations.list_mine(deps(), user_id(), limit, after),
            lambda one: (one[0].created_at, one[0].id),
        )
        data = [asdict(invitation) | {"company_name": name} for invitation, name in found["data"]]
        return found | {"data": data}


@blueprint.route("/invitations/<token>/accept", methods=["POST"])
@blueprint.operation("acceptInvitation", "404 invitation_not_found", "422 quota_exceeded")
@user_required
@blueprint.response(200, schemas.MemberView)
def accept(token: str) -> Member:
    """Accept an invitation by its token, or by its id where it names you. You become a member.

    Accept it again and you get the same answer.
    """
    if len(token) > MAX_TOKEN:
        raise NotFound("invitation_not_found", "There is no such invitation.")
    return invitations.accept(deps(), user_id(), token, uuid_or_none(token))
