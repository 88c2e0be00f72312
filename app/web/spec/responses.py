"""The responses of an operation: its own errors, the errors common to its kind, and their headers.

Invariant: every status and code that a route answers is listed, except 500, which is a bug.
"""

from __future__ import annotations

from typing import Any

from app.web.problems import TITLES

PROBLEM_TYPE = "application/problem+json"
CODES = "x-codes"  # of a response: the values of `code` in its problem
WRITING = ("post", "put", "patch", "delete")

OF_USERS = (
    "401 unauthorized",
    "403 jwt_required scope_required",
    "422 invalid_fields too_long",
    "429 rate_limited",
    "503 auth_unavailable database_unavailable not_configured stopping too_busy",
)
OF_BODIES = ("400 malformed_json", "411 length_required", "413 too_large", "415 json_required")
OF_KEYS = ("409 idempotency_in_flight", "422 invalid_idempotency_key idempotency_key_reused")
OF_JSON = ("422 too_many_values",)
OF_PAGES = ("422 invalid_cursor",)


def complete_responses(operation: dict[str, Any], errors: list[str], *, method: str, keyed: bool) -> None:
    """Add the errors of an operation, and the headers of all its responses."""
    by_user = {"user": []} in operation.get("security", [])
    all_errors = list(errors) + (_common(operation, method, keyed) if by_user else [])
    responses = {
        status: response
        for status, response in operation["responses"].items()
        if "$ref" not in response and "x-" not in status
    }
    for status, response in responses.items():
        response["headers"] = _headers(int(status), limited=by_user, keyed=keyed)
        if "304" in responses:
            response["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
    for status, codes in sorted(_by_status(all_errors).items()):
        _add_problem(responses, status, codes, by_user)
    operation["responses"] = dict(sorted(responses.items()))


def _common(operation: dict[str, Any], method: str, keyed: bool) -> list[str]:
    """Return the errors that every route of users of this kind answers."""
    has_pages = any(parameter.get("name") == "cursor" for parameter in operation.get("parameters", []))
    found = [*OF_USERS, *(OF_BODIES if method in WRITING else ())]
    found += [*(OF_KEYS if keyed else ()), *(OF_PAGES if has_pages else ())]
    return found + list(OF_JSON if "requestBody" in operation else ())


def _by_status(errors: list[str]) -> dict[str, list[str]]:
    """Collect the codes of each status, without doubles."""
    found: dict[str, dict[str, None]] = {}
    for error in errors:
        status, *codes = error.split()
        found.setdefault(status, {}).update(dict.fromkeys(codes))
    return {status: sorted(codes) for status, codes in found.items()}


def _add_problem(responses: dict[str, Any], status: str, codes: list[str], by_user: bool) -> None:
    """Add a problem to the responses. A status may have another type of content too."""
    response = responses.setdefault(status, {"description": "", "content": {}})
    response["description"] = f"{TITLES[int(status)]}. code: {', '.join(codes)}."
    response["content"][PROBLEM_TYPE] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    response["headers"] = _headers(int(status), limited=by_user, keyed=False)
    response[CODES] = codes


def _headers(status: int, *, limited: bool, keyed: bool) -> dict[str, Any]:
    names = ["X-Request-ID", "X-Server-Time"]
    if limited and status not in (401, 503):
        names += ["RateLimit", "RateLimit-Policy"]
    if status in (429, 503):
        names.append("Retry-After")
    if status == 401:
        names.append("WWW-Authenticate")
    if keyed:
        names.append("Idempotency-Replayed")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
