"""Users' routes for webhook endpoints and their deliveries.

Invariant: a secret is in the answer that makes it, and in no other. No answer is kept for an Idempotency-Key, because
it would keep the secret.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask.views import MethodView

from app.domain.webhooks import Endpoint, Event
from app.events import endpoints
from app.web import webhook_schemas as schemas
from app.web.auth import deps, is_admin, principal, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.company_schemas import PageQuery
from app.web.ids import uuid_or_404, with_text_ids
from app.web.paging import page

blueprint = UserBlueprint(
    "webhook_endpoints", __name__, url_prefix="/api/webhook-endpoints", description="Webhooks for your events"
)
URL_CODES = "422 url_invalid url_has_credentials url_not_https url_not_public admin_required"


def _with_secret(made: tuple[Endpoint, str]) -> dict[str, Any]:
    return asdict(made[0]) | {"secret": made[1]}


@blueprint.route("")
class Endpoints(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listWebhookEndpoints")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, schemas.EndpointPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List your webhook endpoints and those of your companies, oldest first."""
        if principal().key_id is None:  # a key has no role
            endpoints.note_maker(deps(), user_id(), admin=is_admin())
        return page(
            query,
            lambda limit, after: endpoints.list_endpoints(deps(), user_id(), limit, after),
            lambda one: (one.created_at, one.id),
        )

    @blueprint.operation(
        "createWebhookEndpoint", "403 role_insufficient", URL_CODES, "422 company_not_found quota_exceeded"
    )
    @blueprint.arguments(schemas.EndpointBody)
    @blueprint.response(201, schemas.NewEndpointView)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create a webhook endpoint. The secret is shown this once.

        With companyId it receives the events of the company's posts and accounts, else those of your own.
        """
        return _with_secret(endpoints.create_endpoint(deps(), user_id(), with_text_ids(body), admin=is_admin()))


@blueprint.route("/<endpoint_id>")
class OneEndpoint(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation(
        "editWebhookEndpoint", "403 role_insufficient", "404 not_found endpoint_not_found company_not_found", URL_CODES
    )
    @blueprint.arguments(schemas.EndpointChange)
    @blueprint.response(200, schemas.EndpointView)
    def patch(self, body: dict[str, Any], endpoint_id: str) -> Endpoint:
        """Change the URL or the events, or switch the endpoint on or off."""
        return endpoints.change_endpoint(deps(), user_id(), uuid_or_404(endpoint_id), body, admin=is_admin())

    @blueprint.operation(
        "removeWebhookEndpoint", "403 role_insufficient", "404 not_found endpoint_not_found company_not_found"
    )
    @blueprint.response(204)
    def delete(self, endpoint_id: str) -> None:
        """Remove a webhook endpoint and its deliveries."""
        endpoints.remove_endpoint(deps(), user_id(), uuid_or_404(endpoint_id))


@blueprint.route("/<endpoint_id>/test", methods=["POST"])
@blueprint.operation(
    "testWebhookEndpoint",
    "403 role_insufficient",
    "404 not_found endpoint_not_found company_not_found",
    "409 endpoint_disabled",
)
@user_required
@blueprint.response(202, schemas.EventDeliveryView)
def test(endpoint_id: str) -> Event:
    """Send an event of the type endpoint.test to a webhook endpoint."""
    return endpoints.send_test(deps(), user_id(), uuid_or_404(endpoint_id))


@blueprint.route("/<endpoint_id>/rotate-secret", methods=["POST"])
@blueprint.operation(
    "rotateWebhookSecret", "403 role_insufficient", "404 not_found endpoint_not_found company_not_found"
)
@user_required
@blueprint.response(200, schemas.NewEndpointView)
def rotate_secret(endpoint_id: str) -> dict[str, Any]:
    """Replace the secret. For 24 hours every delivery is signed with both."""
    return _with_secret(endpoints.rotate_secret(deps(), user_id(), uuid_or_404(endpoint_id)))


@blueprint.route("/<endpoint_id>/deliveries")
@blueprint.operation("listWebhookDeliveries", "404 not_found endpoint_not_found")
@user_required
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, schemas.EventDeliveryPage)
def deliveries(query: dict[str, Any], endpoint_id: str) -> dict[str, Any]:
    """List the events of a webhook endpoint with their deliveries, newest first."""
    of = uuid_or_404(endpoint_id)
    return page(
        query,
        lambda limit, after: endpoints.list_deliveries(deps(), user_id(), of, limit, after),
        lambda one: (one.created_at, one.id),
    )


@blueprint.route("/<endpoint_id>/deliveries/<event_id>/redeliver", methods=["POST"])
@blueprint.operation(
    "redeliverWebhook",
    "403 role_insufficient",
    "404 not_found endpoint_not_found delivery_not_found company_not_found",
    "409 endpoint_disabled",
)
@user_required
@blueprint.response(202, schemas.EventDeliveryView)
def redeliver(endpoint_id: str, event_id: str) -> Event:
    """Deliver an event again, with the same webhook-id."""
    return endpoints.redeliver(deps(), user_id(), uuid_or_404(endpoint_id), uuid_or_404(event_id))
