"""The shared parts of the OpenAPI document: the problem, proofs, headers and parameters."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from marshmallow import fields

from app.domain.sessions import COOKIE
from app.web.fields import Answer
from app.web.idempotency import HEADER, MAX_KEY, REPLAYED
from app.web.problems import TITLES

METHODS = ("get", "post", "put", "patch", "delete")
SHARED = ("400", "401", "403", "411", "413", "415", "429", "503")
SECURITY_SCHEMES: dict[str, Any] = {
    "user": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A user's JWT: its sub is the user's id, and role: admin makes an admin."
        " Or a personal key (pk_…) with the scope of the route.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The console's session. It proves its user to every route of users, only in calls from pages of"
        " this origin and without an Authorization header.",
    },
    "adminSecret": {"type": "http", "scheme": "bearer", "description": "ADMIN_SECRET_KEY, for automation."},
    "cronSecret": {"type": "http", "scheme": "bearer", "description": "CRON_SECRET, of the platform's cron."},
    "metricsSecret": {"type": "http", "scheme": "bearer", "description": "METRICS_SECRET, of Prometheus."},
    "qstash": {
        "type": "apiKey",
        "in": "header",
        "name": "Upstash-Signature",
        "description": "QStash's signature of the address and the body. Where INTERNAL_API_SECRET is set, the header "
        "X-Internal-Secret is required too.",
    },
    "callbackSecret": {"type": "http", "scheme": "bearer", "description": "N8N_CALLBACK_SECRET."},
    "callbackHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Callback-Secret",
        "description": "N8N_CALLBACK_SECRET in a header of its own.",
    },
    "callbackToken": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "The token in the callbackUrl and claimUrl of one attempt.",
    },
}


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}} | more


def _seconds(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "integer", "minimum": 0}}


HEADERS: dict[str, Any] = {
    "X-Request-ID": _text("The request's id, also in our log.", required=True),
    "X-Server-Time": _text("The server's time at the answer, in UTC with milliseconds.", required=True),
    "RateLimit": _text('What is left of the limit, such as "reads";r=299;t=60. Absent where limits are off.'),
    "RateLimit-Policy": _text('The limit, such as "reads";q=300;w=60. Absent where limits are off.'),
    "Retry-After": _seconds("The seconds to wait before the next try."),
    "WWW-Authenticate": _text("The scheme of the missing proof: Bearer."),
    REPLAYED: _text("true where this is the first answer of the same Idempotency-Key again."),
    "ETag": _text("The hash of the answer, for If-None-Match."),
    "X-Next-Cursor": _text("The cursor of the next page. Absent on the last one."),
    "Location": _text("The address to open next."),
}
PARAMETERS: dict[str, Any] = {
    "RequestId": {
        "in": "header",
        "name": "X-Request-ID",
        "required": False,
        "description": "Your own id of this request. Another form is replaced: 1 to 128 letters, digits and ._:-.",
        "schema": {"type": "string"},
    },
    "IdempotencyKey": {
        "in": "header",
        "name": HEADER,
        "required": False,
        "description": "For 24 hours, the same key with the same body gets the first answer again, marked "
        f"{REPLAYED}: true. With another body or route: 422 idempotency_key_reused. While the first request is in "
        "flight: 409 idempotency_in_flight. A 5xx is not kept. Try again with the same key.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
    },
}


class ProblemError(Answer):
    """One problem of one field. The limit and the actual value are there where a bound was exceeded."""

    SOMETIMES = ("limit", "actual")
    field = fields.String()
    code = fields.String()
    message = fields.String()
    limit = fields.Integer(allow_none=True)
    actual = fields.Integer(allow_none=True)


class Problem(Answer):
    """An error (RFC 9457). The code is stable, and the detail says what to do."""

    SOMETIMES = ("errors",)
    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    code = fields.String()
    errors = fields.List(fields.Nested(ProblemError))


def add_schemas(spec: APISpec) -> None:
    spec.components.schema("Problem", schema=Problem)


def share_responses(document: dict[str, Any]) -> None:
    """Move problems that many operations have to the shared parts, by the title of their status."""
    shared: dict[str, Any] = {}
    for item in document["paths"].values():
        for method in (one for one in METHODS if one in item):
            responses = item[method]["responses"]
            for status in (one for one in SHARED if one in responses):
                name = TITLES[int(status)].title().replace(" ", "")
                if shared.setdefault(name, responses[status]) == responses[status]:
                    responses[status] = {"$ref": f"#/components/responses/{name}"}
    document["components"]["responses"] = shared


def replace_components(document: dict[str, Any], without: tuple[str, ...]) -> None:
    """Put our shared parts in place of those of flask-smorest."""
    schemas = {name: value for name, value in document["components"]["schemas"].items() if name not in without}
    document["components"] = {
        "securitySchemes": SECURITY_SCHEMES,
        "schemas": dict(sorted(schemas.items())),
        "headers": HEADERS,
        "parameters": PARAMETERS,
    }
