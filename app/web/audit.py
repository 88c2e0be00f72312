"""Routes of the audit trail: a company's for its owners, a person's own.

Invariant: every page is bounded, and no cell of the CSV is a formula.
"""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import Any

from flask import Flask, Response, g, request
from flask.views import MethodView

from app.audit import ORIGIN, personal_entries
from app.companies.companies import list_audit
from app.domain.audit import MAX_USER_AGENT, AuditEntry, AuditFilter, Origin, harmless_cell, printable
from app.domain.times import to_wire
from app.store.paging import After
from app.web import company_schemas as schemas
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.ids import number_or_404, uuid_or_404
from app.web.paging import Find, page

blueprint = UserBlueprint("audit", __name__, url_prefix="/api", description="Who changed what, and when")
NEXT_CURSOR = "X-Next-Cursor"
MAX_ADDRESS = 64
CSV: dict[str, Any] = {"description": "The list.", "content": {"text/csv": {"schema": {"type": "string"}}}}
COLUMNS = ("id", "at", "actor", "action", "target", "fields", "clientAddress", "userAgent", "requestId")


def register(app: Flask) -> None:
    """Keep the origin of each request for the audit trail. Call it after the requests get their ids."""
    app.before_request(_keep_origin)
    app.teardown_request(_forget_origin)


@blueprint.route("/companies/<company_id>/audit")
class CompanyAudit(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listCompanyAudit", "403 role_insufficient", "404 not_found company_not_found")
    @blueprint.arguments(schemas.AuditQuery, location="query")
    @blueprint.response(200, schemas.AuditPage)
    def get(self, query: dict[str, Any], company_id: str) -> dict[str, Any]:
        """List the changes of a company's members, accounts and clients, as an owner, newest first.

        The parameters from and to bound the instant, to excluded.
        """
        return _page(query, partial(list_audit, deps(), user_id(), uuid_or_404(company_id), _filter(query)))


@blueprint.route("/companies/<company_id>/audit.csv")
@blueprint.operation(
    "exportCompanyAudit", "403 role_insufficient", "404 not_found company_not_found", responses={"200": CSV}
)
@user_required
@blueprint.arguments(schemas.AuditExportQuery, location="query")
def export(query: dict[str, Any], company_id: str) -> Response:
    """Export the same list as CSV. Where more rows follow, X-Next-Cursor has the cursor of the next page."""
    found = _page(query, partial(list_audit, deps(), user_id(), uuid_or_404(company_id), _filter(query)))
    response = Response(_csv(found["data"]), mimetype="text/csv")
    response.headers["Content-Disposition"] = "attachment; filename=audit.csv"
    if found["next_cursor"] is not None:
        response.headers[NEXT_CURSOR] = found["next_cursor"]
    return response


@blueprint.route("/audit")
class OwnAudit(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listOwnAudit")
    @blueprint.arguments(schemas.AuditQuery, location="query")
    @blueprint.response(200, schemas.AuditPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the changes of your personal accounts, newest first."""
        return _page(query, partial(personal_entries, deps(), user_id(), _filter(query)))


def _filter(query: dict[str, Any]) -> AuditFilter:
    return AuditFilter(*(query.pop(name, None) for name in ("actor", "action", "start", "end")))


def _page(query: dict[str, Any], find: Find) -> dict[str, Any]:
    return page(query, find, _key, number_or_404)


def _key(entry: AuditEntry) -> After:
    return entry.at, entry.id


def _csv(entries: list[AuditEntry]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for e in entries:
        values = (e.id, to_wire(e.at), e.actor, e.action, e.target, " ".join(schemas.camel_names(e.fields)))
        origin = (e.client_address, e.user_agent, e.request_id)
        writer.writerow([harmless_cell("" if value is None else str(value)) for value in (*values, *origin)])
    return text.getvalue()


def _keep_origin() -> None:
    agent = printable(request.headers.get("User-Agent"), MAX_USER_AGENT)
    ORIGIN.set(Origin(printable(request.remote_addr, MAX_ADDRESS), agent, g.get("request_id")))


def _forget_origin(_error: BaseException | None) -> None:
    ORIGIN.set(Origin())
