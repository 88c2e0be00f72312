"""Routes for social accounts.

Invariant: no answer contains an account's tokens.
"""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from app.accounts.accounts import change_account, connect_account, list_shared, remove_account
from app.domain.errors import invalid_field
from app.domain.platforms import account_id_problem
from app.domain.post import Account
from app.store.accounts import accounts
from app.store.paging import After
from app.web import schemas
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.ids import uuid_or_404, with_text_ids
from app.web.paging import page

blueprint = UserBlueprint("accounts", __name__, url_prefix="/api/social-accounts", description="Accounts to publish on")


@blueprint.route("")
class Accounts(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listAccounts")
    @blueprint.arguments(schemas.AccountQuery, location="query")
    @blueprint.response(200, schemas.AccountPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List your accounts and those of your companies, oldest first."""
        return page(query, lambda limit, after: _find(query, limit, after), lambda one: (one.created_at, one.id))

    @blueprint.operation(
        "connectAccount",
        "403 role_insufficient",
        "409 account_of_another_client changed_meanwhile",
        "422 required account_id_invalid company_not_found client_not_found quota_exceeded",
    )
    @blueprint.arguments(schemas.AccountCreate)
    @blueprint.response(201, schemas.AccountView)
    def post(self, body: dict[str, Any]) -> Account:
        """Connect an account, or update the tokens of a connected one."""
        urn = body.pop("person_urn", None)
        body["external_id"] = body.get("external_id") or urn
        if body["external_id"] is None:
            raise invalid_field("externalId", "required", "Send externalId, or personUrn for LinkedIn.")
        own_profile = body.pop("own_profile")
        problem = account_id_problem(body["platform"], body["external_id"])
        if problem is not None:
            raise invalid_field(
                "personUrn" if body["external_id"] == urn else "externalId", "account_id_invalid", problem
            )
        return connect_account(deps(), user_id(), with_text_ids(body), own_profile=own_profile)


@blueprint.route("/shared")
class SharedAccounts(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listSharedAccounts")
    @blueprint.arguments(schemas.SharedQuery, location="query")
    @blueprint.response(200, schemas.AccountPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List your own profiles in companies, also in those that you have left. DELETE withdraws one."""
        return page(
            query,
            lambda limit, after: list_shared(deps(), user_id(), limit, after),
            lambda account: (account.created_at, account.id),
        )


@blueprint.route("/<account_id>")
class OneAccount(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("editAccount", "403 role_insufficient", "404 not_found account_not_found")
    @blueprint.arguments(schemas.AccountEdit)
    @blueprint.response(200, schemas.AccountView)
    def patch(self, body: dict[str, Any], account_id: str) -> Account:
        """Rename an account, or reconnect it with new tokens."""
        return change_account(deps(), user_id(), uuid_or_404(account_id), body)

    @blueprint.operation(
        "disconnectAccount",
        "403 role_insufficient",
        "404 not_found account_not_found",
        "409 account_in_use",
    )
    @blueprint.response(204)
    def delete(self, account_id: str) -> None:
        """Disconnect an account without scheduled posts, or withdraw your own profile from a company.

        You may withdraw your profile in any role, also after leaving. Posts scheduled through it are held.
        """
        remove_account(deps(), user_id(), uuid_or_404(account_id))


def _find(query: dict[str, Any], limit: int, after: After | None) -> list[Account]:
    with deps().db.reading() as connection:
        return accounts.page(connection, user_id(), with_text_ids(query), limit, after)
