"""Users' routes for bulk calls and their jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, jsonify, request
from marshmallow import ValidationError, fields, validate
from werkzeug.exceptions import BadRequest, UnprocessableEntity

from app.domain.api_keys import Scope, require_scope
from app.domain.bulk import MAX_ROWS, Op, Operation
from app.store.operations.jobs import Job
from app.web.auth import deps, principal, user_id, user_required
from app.web.blueprint import UserBlueprint, require_few_values
from app.web.bodies import read_json, whole_body
from app.web.bulk_rows import COLUMNS, BulkRequest, Rows, from_cells, read_rows
from app.web.csv_rows import read_csv, require_few_rows
from app.web.fields import Answer, Camel, WireInstant
from app.web.idempotency import id_by_key, idempotent
from app.web.ids import uuid_or_404

RETRY_AFTER_SECONDS = "60"
_FLAG: dict[str, Any] = {"truthy": {"true"}, "falsy": {"false"}, "load_default": None}


class BulkQuery(Camel):
    dry_run = fields.Boolean(**_FLAG)
    atomic = fields.Boolean(**_FLAG)


class RowError(Answer):
    SOMETIMES = ("limit", "actual")

    field = fields.String()
    code = fields.String()
    message = fields.String()
    limit = fields.Integer()
    actual = fields.Integer()


class RowWarning(Answer):
    code = fields.String()
    message = fields.String()


class RowView(Answer):
    """The result of a row: of a refused one its code and message, of a done one the post."""

    SOMETIMES = ("post_id", "post_status", "scheduled_at", "code", "message", "errors", "warnings")

    row = fields.Integer()
    status = fields.String(validate=validate.OneOf(("done", "refused")))
    post_id = fields.String()
    post_status = fields.String()
    scheduled_at = WireInstant()
    code = fields.String()
    message = fields.String()
    errors = fields.List(fields.Nested(RowError))
    warnings = fields.List(fields.Nested(RowWarning))


class BulkAnswer(Answer):
    SOMETIMES = ("dry_run",)

    done = fields.Integer()
    refused = fields.Integer()
    dry_run = fields.Boolean()
    results = fields.List(fields.Nested(RowView))


class JobView(Answer):
    id = fields.String()
    status = fields.String(validate=validate.OneOf(("running", "finished")))
    done = fields.Integer()
    refused = fields.Integer()
    total = fields.Integer()
    results = fields.List(fields.Nested(RowView))


CSV_ERRORS = ("422 empty_file no_rows not_utf8 invalid_csv unknown_column repeated_column",)
blueprint = UserBlueprint("bulk", __name__, url_prefix="/api", description="Many posts in one call")
_BODIES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": BulkRequest},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}


@blueprint.route("/posts/bulk", methods=["POST"])
@user_required
@idempotent
@blueprint.operation(
    "bulkPosts", "422 too_many_values too_many_rows quota_exceeded", *CSV_ERRORS, keyed=True, **_BODIES
)
@blueprint.arguments(BulkQuery, location="query")
@blueprint.response(200, BulkAnswer)
@blueprint.alt_response(202, schema=JobView)
def bulk(query: dict[str, Any]) -> Response:
    """Create, schedule, move, unschedule, cancel or retry up to 1,000 posts, from JSON or CSV.

    Good rows are done and bad ones refused, each with its row or line. With atomic all rows are done or none. With
    dryRun nothing changes. A call of more than a few seconds answers 202 and goes on as the job of its Location. A
    personal key needs the scope write too, to create posts.
    """
    # Imported on first use: both add 10 ms to a cold start, and other routes do not need them.
    from app.posts import bulk as bulk_calls
    from app.posts.bulk_jobs import as_stored

    rows, options = _read(query)
    if any(one.op is Op.CREATE for one in rows.operations):
        require_scope(principal(), Scope.WRITE)
    operations = [_with_id(one) for one in rows.operations]
    answer = bulk_calls.run_bulk(deps(), user_id(), operations, rows.unreadable, **options)
    if answer.job is not None:
        response = jsonify(_job_view(answer.job))
        response.status_code = 202
        response.headers["Location"] = f"/api/jobs/{answer.job.id}"
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return response
    done = sum(one.done for one in answer.results)
    body: dict[str, Any] = {"done": done, "refused": len(answer.results) - done}
    body |= {"dryRun": True} if options["dry_run"] else {}
    return jsonify(body | {"results": [as_stored(one) for one in answer.results]})


@blueprint.route("/jobs/<job_id>")
@user_required
@blueprint.operation("getJob", "404 not_found job_not_found")
@blueprint.response(200, JobView)
def job(job_id: str) -> Response:
    """Read the progress of a long bulk call. Its results are kept for 7 days."""
    from app.posts import bulk_jobs

    return jsonify(_job_view(bulk_jobs.read(deps(), user_id(), uuid_or_404(job_id))))


def _job_view(one: Job) -> dict[str, Any]:
    done = sum(result["status"] == "done" for result in one.results)
    status = "finished" if one.finished else "running"
    counts = {"done": done, "total": one.total, "refused": len(one.results) - done}
    return {"id": one.id, "status": status, **counts, "results": one.results}


def _with_id(operation: Operation) -> Operation:
    """Give a new post the id that a repeat of the request gives it too."""
    post_id = id_by_key(str(operation.row)) if operation.draft is not None else None
    return replace(operation, draft={**(operation.draft or {}), "id": post_id}) if post_id else operation


def _read(query: dict[str, Any]) -> tuple[Rows, dict[str, bool]]:
    """Return the rows and the options of the request.

    Raises: Invalid, BadRequest.
    """
    now, max_days = deps().clock.now(), deps().settings.max_schedule_days
    raw = whole_body()
    if request.mimetype == "text/csv":
        lines = read_csv(raw, COLUMNS, MAX_ROWS)
        rows = read_rows(((line, from_cells(cells)) for line, cells in lines), now, max_days)
        return rows, {name: bool(query[name]) for name in ("dry_run", "atomic")}
    body = _load(raw)
    require_few_rows(len(body["operations"]), MAX_ROWS)
    rows = read_rows(enumerate(body["operations"], 1), now, max_days)
    return rows, {name: body[name] if query[name] is None else query[name] for name in ("dry_run", "atomic")}


def _load(raw: bytes) -> dict[str, Any]:
    require_few_values(raw)
    values = read_json(raw)
    if values is None:
        raise BadRequest
    try:
        return dict(BulkRequest().load(values))
    except ValidationError as error:
        refusal = UnprocessableEntity()
        refusal.data = {"messages": error.messages}  # type: ignore[attr-defined]
        raise refusal from None
