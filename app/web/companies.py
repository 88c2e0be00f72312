"""Routes for companies, their members and their clients. Only members see them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask.views import MethodView

from app.companies import companies, holds, members
from app.companies.invitations import NewInvitation
from app.domain.companies import Client, Company, Role
from app.domain.explanations import SENTENCES
from app.web import company_schemas as schemas
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.ids import user_id_or_404, uuid_or_404
from app.web.invitations import new_invitation
from app.web.paging import page

blueprint = UserBlueprint("companies", __name__, url_prefix="/api/companies", description="Companies and their clients")


@blueprint.route("")
class Companies(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listCompanies")
    @blueprint.arguments(schemas.PageQuery, location="query")
    @blueprint.response(200, schemas.CompanyPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List your companies with your role in each."""
        return page(
            query,
            lambda limit, after: companies.list_companies(deps(), user_id(), limit, after),
            lambda company: (company.joined_at, company.id),
        )

    @blueprint.operation("createCompany", "422 quota_exceeded")
    @blueprint.arguments(schemas.NameBody)
    @blueprint.response(201, schemas.CompanyView)
    def post(self, body: dict[str, Any]) -> Company:
        """Create a company and become its owner."""
        return companies.create_company(deps(), user_id(), body["name"])


@blueprint.route("/<company_id>")
class OneCompany(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("getCompany", "404 not_found company_not_found")
    @blueprint.response(200, schemas.CompanyView)
    def get(self, company_id: str) -> Company:
        """Read a company."""
        return companies.read_company(deps(), user_id(), uuid_or_404(company_id))

    @blueprint.operation("renameCompany", "403 role_insufficient", "404 not_found company_not_found")
    @blueprint.arguments(schemas.NameBody)
    @blueprint.response(200, schemas.CompanyView)
    def patch(self, body: dict[str, Any], company_id: str) -> Company:
        """Rename a company, as an owner."""
        return companies.rename_company(deps(), user_id(), uuid_or_404(company_id), body["name"])

    @blueprint.operation(
        "removeCompany",
        "403 role_insufficient",
        "404 not_found company_not_found",
        "409 company_in_use",
    )
    @blueprint.response(204)
    def delete(self, company_id: str) -> None:
        """Remove a company without posts and accounts, as an owner."""
        companies.remove_company(deps(), user_id(), uuid_or_404(company_id))


@blueprint.route("/<company_id>/members")
class Members(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listMembers", "404 not_found company_not_found")
    @blueprint.arguments(schemas.MemberQuery, location="query")
    @blueprint.response(200, schemas.MemberPage)
    def get(self, query: dict[str, Any], company_id: str) -> dict[str, Any]:
        """List a company's members, oldest membership first."""
        of = uuid_or_404(company_id)
        return page(
            query,
            lambda limit, after: members.list_members(deps(), user_id(), of, limit, after),
            lambda member: (member.created_at, member.user_id),
            user_id_or_404,
        )


@blueprint.route("/<company_id>/members/<user_id:member_id>")
class OneMember(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation(
        "putMember",
        "403 role_insufficient",
        "404 not_found company_not_found",
        "409 last_owner already_member",
        "422 quota_exceeded",
    )
    @blueprint.arguments(schemas.MemberBody)
    @blueprint.response(200, schemas.PutMemberView)
    def put(self, body: dict[str, Any], company_id: str, member_id: str) -> dict[str, Any]:
        """Change a member's role, as an owner. A user who is no member is invited.

        The user joins by accepting: status is invited until then.
        """
        member, role = user_id_or_404(member_id), Role(body["role"])
        done = members.put_member(deps(), user_id(), uuid_or_404(company_id), member, role)
        if isinstance(done, NewInvitation):
            invitation = new_invitation(done)
            return invitation | {"user_id": member, "status": "invited", "invitation": invitation}
        return asdict(done) | {"status": "member", "invitation": None}

    @blueprint.operation(
        "removeMember",
        "403 role_insufficient",
        "404 not_found company_not_found member_not_found",
        "409 last_owner",
    )
    @blueprint.response(204)
    def delete(self, company_id: str, member_id: str) -> None:
        """Remove a member, as an owner, or leave the company.

        Posts scheduled through the member's own profiles are held.
        """
        members.remove_member(deps(), user_id(), uuid_or_404(company_id), user_id_or_404(member_id))


@blueprint.route("/<company_id>/warnings")
@blueprint.operation("listCompanyWarnings", "404 not_found company_not_found")
@user_required
@blueprint.response(200, schemas.CompanyWarnings)
def warnings(company_id: str) -> dict[str, Any]:
    """List a company's held posts by account, with the reason and the cure."""
    found = holds.list_warnings(deps(), user_id(), uuid_or_404(company_id))
    return {"warnings": [asdict(one) | {"message": SENTENCES[one.code]} for one in found]}


@blueprint.route("/<company_id>/clients")
class Clients(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listClients", "404 not_found company_not_found")
    @blueprint.arguments(schemas.PageQuery, location="query")
    @blueprint.response(200, schemas.ClientPage)
    def get(self, query: dict[str, Any], company_id: str) -> dict[str, Any]:
        """List a company's clients, oldest first."""
        of = uuid_or_404(company_id)
        return page(
            query,
            lambda limit, after: companies.list_clients(deps(), user_id(), of, limit, after),
            lambda client: (client.created_at, client.id),
        )

    @blueprint.operation(
        "createClient",
        "403 role_insufficient",
        "404 not_found company_not_found",
        "409 client_exists",
        "422 quota_exceeded",
    )
    @blueprint.arguments(schemas.NameBody)
    @blueprint.response(201, schemas.ClientView)
    def post(self, body: dict[str, Any], company_id: str) -> Client:
        """Add a client, as an editor or owner."""
        return companies.create_client(deps(), user_id(), uuid_or_404(company_id), body["name"])


@blueprint.route("/<company_id>/clients/<client_id>")
class OneClient(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("getClient", "404 not_found company_not_found client_not_found")
    @blueprint.response(200, schemas.ClientView)
    def get(self, company_id: str, client_id: str) -> Client:
        """Read a client."""
        return companies.read_client(deps(), user_id(), uuid_or_404(company_id), uuid_or_404(client_id))

    @blueprint.operation(
        "renameClient",
        "403 role_insufficient",
        "404 not_found company_not_found client_not_found",
        "409 client_exists",
    )
    @blueprint.arguments(schemas.NameBody)
    @blueprint.response(200, schemas.ClientView)
    def patch(self, body: dict[str, Any], company_id: str, client_id: str) -> Client:
        """Rename a client, as an editor or owner."""
        ids = uuid_or_404(company_id), uuid_or_404(client_id)
        return companies.rename_client(deps(), user_id(), *ids, body["name"])

    @blueprint.operation(
        "removeClient",
        "403 role_insufficient",
        "404 not_found company_not_found client_not_found",
        "409 client_in_use",
    )
    @blueprint.response(204)
    def delete(self, company_id: str, client_id: str) -> None:
        """Remove a client without posts and accounts, as an editor or owner."""
        companies.remove_client(deps(), user_id(), uuid_or_404(company_id), uuid_or_404(client_id))
