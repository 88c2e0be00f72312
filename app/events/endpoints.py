"""Webhook endpoints: create, change, remove, rotate the secret, test and deliver again.

Invariant: a secret is returned once, when it is made, and is stored encrypted.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from app import quotas
from app.audit import record
from app.companies.permissions import require_member, resolve_owner
from app.deps import Deps
from app.domain.audit import Action
from app.domain.companies import Right
from app.domain.content.addresses import BadUrl, check_url
from app.domain.errors import Conflict, NotConfigured, NotFound, Unavailable, invalid_field
from app.domain.events import EventType
from app.domain.ports import Vault
from app.domain.sealing import endpoint_secret_of, previous_secret_of
from app.domain.webhooks import ADMIN_RENEWED, DISABLED, SECRET_OVERLAP, TEST, Endpoint, Event
from app.events.publish import publish_pending
from app.store.engine import Connection
from app.store.events import deliveries, endpoints
from app.store.operations import alerts
from app.store.paging import After
from app.store.schema.tables import new_id

SECRET_BYTES = 32
#: The cure of each code of `check_url`, in the words of webhooks.
BAD_URLS = {
    "invalid": "This URL cannot be called. Give a full https URL.",
    "has_credentials": "Take the user name and password out of the URL.",
    "not_https": "Events go out over https only. Give an https URL.",
    "not_public": "This host is not public. Give the https URL of a public host.",
}


def create_endpoint(deps: Deps, user_id: str, values: dict[str, Any], *, admin: bool) -> tuple[Endpoint, str]:
    """Create an endpoint of the user or of a company. Returns it with its secret.

    Raises: Invalid for a bad URL, above the quota, and as `resolve_owner` does, Forbidden, NotConfigured.
    """
    _check_url(deps, values["url"])
    endpoint_id, secret, now = new_id(), _new_secret(), deps.clock.now()
    sealed = _vault(deps).encrypt(secret, endpoint_secret_of(endpoint_id))
    with deps.db.transaction() as tx:
        company_id = resolve_owner(tx, user_id, {"company_id": values.get("company_id")})["company_id"]
        _check_events(values["events"], admin=admin and company_id is None)
        quotas.lock_owner(tx, user_id)
        row = {"id": endpoint_id, "user_id": user_id, "company_id": company_id, "url": values["url"]}
        row |= {"events": values["events"], "secret": sealed, "admin": admin}
        made = endpoints.create(tx, row, now)
        quotas.require_endpoint_quota(deps.settings, tx, user_id)
        _record(tx, user_id, Action.ENDPOINT_CREATED, made, now, ("url", "events"))
    return made, secret


def list_endpoints(deps: Deps, user_id: str, limit: int, after: After | None) -> list[Endpoint]:
    with deps.db.reading() as connection:
        return endpoints.page(connection, user_id, limit, after)


def note_maker(deps: Deps, user_id: str, *, admin: bool) -> None:
    """Note the role with which a user came. It is in tokens alone, so this is how a lost role is seen.

    A user who is no admin any more ends the alerts of their endpoints.
    """
    now = deps.clock.now()
    with suppress(Unavailable), deps.db.transaction() as tx:  # a call that only reads goes on without
        endpoints.note_maker(tx, user_id, now, now - ADMIN_RENEWED, admin=admin)


def change_endpoint(deps: Deps, user_id: str, endpoint_id: str, values: dict[str, Any], *, admin: bool) -> Endpoint:
    """Change the URL, the events or the status. Enabling clears the failures.

    Raises: NotFound, Forbidden, Invalid.
    """
    if "url" in values:
        _check_url(deps, values["url"])
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        found = _endpoint_for(tx, user_id, endpoint_id, Right.WRITE)
        if "events" in values:
            _check_events(values["events"], admin=admin and found.company_id is None)
        enabled = {"failures": 0} if values.get("status") == "enabled" else {}
        changed = endpoints.change(tx, endpoint_id, values | enabled | _role_of_maker(found, admin, now), now)
        if changed is None:
            raise _no_such_endpoint()
        if enabled:
            alerts.clear(tx, DISABLED, endpoint_id)
        _record(tx, user_id, Action.ENDPOINT_CHANGED, changed, now, tuple(values))
    return changed


def _role_of_maker(endpoint: Endpoint, admin: bool, now: datetime) -> dict[str, Any]:
    return {"admin": admin, "admin_seen_at": now if admin else None} if endpoint.company_id is None else {}


def remove_endpoint(deps: Deps, user_id: str, endpoint_id: str) -> None:
    """Remove an endpoint with its events.

    Raises: NotFound, Forbidden.
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        found = _endpoint_for(tx, user_id, endpoint_id, Right.WRITE)
        endpoints.remove(tx, endpoint_id)
        alerts.clear(tx, DISABLED, endpoint_id)
        _record(tx, user_id, Action.ENDPOINT_REMOVED, found, now)


def rotate_secret(deps: Deps, user_id: str, endpoint_id: str) -> tuple[Endpoint, str]:
    """Replace the secret. The former one signs too for SECRET_OVERLAP. Returns the endpoint with its new secret.

    Raises: NotFound, Forbidden, NotConfigured.
    """
    vault, secret, now = _vault(deps), _new_secret(), deps.clock.now()
    with deps.db.transaction() as tx:
        found = _endpoint_for(tx, user_id, endpoint_id, Right.WRITE)
        try:
            former = vault.decrypt(found.secret, endpoint_secret_of(endpoint_id))
        except ValueError:
            former = None
        values: dict[str, Any] = {"secret": vault.encrypt(secret, endpoint_secret_of(endpoint_id))}
        values |= {"previous_secret": former and vault.encrypt(former, previous_secret_of(endpoint_id))}
        values |= {"previous_until": now + SECRET_OVERLAP if former else None}
        changed = endpoints.change(tx, endpoint_id, values, now)
        if changed is None:
            raise _no_such_endpoint()
        _record(tx, user_id, Action.ENDPOINT_SECRET_ROTATED, changed, now)
    return changed, secret


def send_test(deps: Deps, user_id: str, endpoint_id: str) -> Event:
    """Send a test event to an enabled endpoint.

    Raises: NotFound, Forbidden, Conflict (`endpoint_disabled`).
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        _require_enabled(_endpoint_for(tx, user_id, endpoint_id, Right.WRITE))
        event = deliveries.add(tx, endpoint_id, TEST, {"endpointId": endpoint_id}, now)
    publish_pending(deps)
    return event


def list_deliveries(deps: Deps, user_id: str, endpoint_id: str, limit: int, after: After | None) -> list[Event]:
    """Return a page of an endpoint's events, newest first.

    Raises: NotFound.
    """
    with deps.db.reading() as connection:
        _endpoint_for(connection, user_id, endpoint_id, Right.READ)
        return deliveries.of_endpoint(connection, endpoint_id, limit, after)


def redeliver(deps: Deps, user_id: str, endpoint_id: str, event_id: str) -> Event:
    """Deliver an event again, with the same `webhook-id`.

    Raises: NotFound, Forbidden, Conflict (`endpoint_disabled`).
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        _require_enabled(_endpoint_for(tx, user_id, endpoint_id, Right.WRITE))
        found = deliveries.by_id(tx, event_id)
        if found is None or found.endpoint_id != endpoint_id:
            raise NotFound("delivery_not_found", "There is no such delivery.")
        event = deliveries.restart(tx, event_id, now)
        assert event is not None  # read in this transaction
    publish_pending(deps)
    return event


def _endpoint_for(connection: Connection, user_id: str, endpoint_id: str, right: Right) -> Endpoint:
    found = endpoints.by_id(connection, endpoint_id, user_id)
    if found is None:
        raise _no_such_endpoint()
    if found.company_id is not None and right is not Right.READ:
        require_member(connection, user_id, found.company_id, right)
    return found


def _no_such_endpoint() -> NotFound:
    return NotFound("endpoint_not_found", "There is no such webhook endpoint.")


def _require_enabled(endpoint: Endpoint) -> None:
    if endpoint.status != "enabled":
        raise Conflict("endpoint_disabled", "The endpoint is switched off. Set its status to enabled first.")


def _check_url(deps: Deps, url: str) -> None:
    try:
        check_url(url, allow_loopback=deps.settings.local)
    except BadUrl as error:
        kind = error.code.removeprefix("media_url_")
        raise invalid_field("url", f"url_{kind}", BAD_URLS[kind]) from None


def _check_events(events: Sequence[str], *, admin: bool) -> None:
    if EventType.ALERT_RAISED in events and not admin:
        message = "alert.raised is for endpoints of admins that belong to no company."
        raise invalid_field("events", "admin_required", message)


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def _vault(deps: Deps) -> Vault:
    if deps.vault is None:
        raise NotConfigured("not_configured", "This installation cannot keep secrets yet.")
    return deps.vault


def _record(
    tx: Connection, user_id: str, action: Action, endpoint: Endpoint, now: Any, fields: Sequence[str] = ()
) -> None:
    record(tx, user_id, action, f"endpoint:{endpoint.id}", now, company_id=endpoint.company_id, fields=fields)
