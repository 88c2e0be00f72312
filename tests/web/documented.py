"""Compare answers with the OpenAPI document: a status, a code or a type that the document lacks is an error."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from app.web.docs import DOCUMENT
from app.web.spec.build import build_document

METHODS = ("get", "post", "patch", "delete", "put")


_documents: list[dict[str, Any]] = []  # built once, because it is the same for every app


def document(app: Flask) -> dict[str, Any]:
    if not _documents:
        _documents.append(build_document(app.extensions[DOCUMENT].blueprints))
    return _documents[0]


def path_of(rule: str) -> str:
    """Return a route's path in the document."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def response_of(operation: dict[str, Any], status: int, spec: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = operation["responses"].get(str(status))
    if found is not None and "$ref" in found:
        found = spec["components"]["responses"][found["$ref"].rpartition("/")[2]]
    return found


def check_documented(app: Flask, answer: TestResponse, spec: dict[str, Any]) -> None:
    """Check that the document has the status, the type and the code of this answer."""
    request = answer.request
    operation = _operation(app, request.path, request.method, spec)
    if operation is None:
        return
    where = f"{request.method} {request.path}: {answer.status_code} {answer.get_data()[:300]!r}"
    response = response_of(operation, answer.status_code, spec)
    assert response is not None, f"not in the OpenAPI document: {where}"
    if answer.data and answer.status_code != 303:
        assert answer.mimetype in response["content"], f"this type is not in the OpenAPI document: {where}"
    if answer.mimetype == "application/problem+json":
        code = answer.get_json(force=True)["code"]
        assert code in response["x-codes"], f"this code is not in the OpenAPI document: {where}"


def _operation(app: Flask, path: str, method: str, spec: dict[str, Any]) -> dict[str, Any] | None:
    """Return the operation of a request, None for an unknown address or method."""
    if method.lower() not in METHODS:
        return None
    try:
        rule, _ = app.url_map.bind("").match(path, method, return_rule=True)
    except (HTTPException, RequestRedirect):
        return None
    found: dict[str, Any] | None = spec["paths"].get(path_of(rule.rule), {}).get(method.lower())
    return found
