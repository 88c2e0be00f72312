"""The Idempotency-Key header: the same request again gets the first answer again, and its work is done once.

After draft-ietf-httpapi-idempotency-key-header: a key with another request is 422, one that is under way 409, and what
is answered again is the first outcome, "success or an error". So 4xx are kept like 2xx; a 5xx decided nothing, is not
kept, and may be tried again. Keys are a user's own and opaque; their quotes, if any, are a part of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, make_response, request
from werkzeug.wrappers import Response

from app.deps import Deps
from app.domain.errors import FieldError, Invalid, Unavailable
from app.log import emit
from app.store.operations import idempotency
from app.web.auth import deps, user_id
from app.web.problems import problem

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 255
VISIBLE = re.compile(r"[!-~]{1,255}")
KEPT_FOR = timedelta(hours=24)
LEASE = timedelta(seconds=60)  # longer than any request; who is silent for so long has died
KEPT_HEADERS = ("Content-Type", "Retry-After")
RETRY_AFTER_SECONDS = "1"
TRIES = 3
DOCUMENTED: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": HEADER,
            "required": False,
            "description": "The same key with the same body gets the first answer again, marked "
            f"{REPLAYED}: true, for 24 hours. With another body or route: 422 idempotency_key_reused. While the first "
            "request is under way: 409 idempotency_in_flight. A 5xx is not kept: try again with the same key.",
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
        }
    ]
}


def idempotent(view: View) -> View:
    """For a user's POST, inside the check of who calls and outside everything that reads the body."""

    @wraps(view)
    def once(*args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER)
        if key is None:
            return view(*args, **kwargs)
        if not VISIBLE.fullmatch(key):
            message = f"Send 1 to {MAX_KEY} visible ASCII characters, such as a UUID."
            error = FieldError(HEADER, "invalid_idempotency_key", message, MAX_KEY, len(key))
            raise Invalid("invalid_idempotency_key", message, [error])
        begun = _begin(deps(), key, _fingerprint())
        if isinstance(begun, Response):
            return begun
        return _keep(deps(), begun, _answer(view, *args, **kwargs))

    return cast(View, once)


def _fingerprint() -> str:
    """What makes a request the same: the route with its ids, and the body, byte for byte."""
    route = f"{request.method} {request.path}\n".encode("utf-8", "replace")
    return hashlib.sha256(route + request.get_data()).hexdigest()


def _begin(deps: Deps, key: str, fingerprint: str) -> idempotency.Claim | Response:
    for _ in range(TRIES):
        now = deps.clock.now()
        bounds = {"now": now, "lease_until": now + LEASE, "keep": now + KEPT_FOR}
        with deps.db.transaction() as tx:
            found = idempotency.begin(tx, user_id(), key, fingerprint, **bounds)
        if isinstance(found, idempotency.Claim):
            return found
        if found is not None:
            return _known(found, fingerprint)
    return _in_flight()


def _known(known: idempotency.Known, fingerprint: str) -> Response:
    if known.fingerprint != fingerprint:
        message = "This Idempotency-Key was used for another request. Send a new key with a new request."
        error = FieldError(HEADER, "idempotency_key_reused", message)
        raise Invalid("idempotency_key_reused", message, [error])
    if known.status is None:
        return _in_flight()
    response = current_app.response_class(known.body, known.status)
    for name, value in known.headers.items():
        response.headers[name] = value
    response.headers[REPLAYED] = "true"
    return response


def _in_flight() -> Response:
    detail = "The first request with this Idempotency-Key is still under way. Send it again in a moment."
    return problem(409, "idempotency_in_flight", detail, Retry_After=RETRY_AFTER_SECONDS)


def _answer(view: Callable[..., Any], *args: Any, **kwargs: Any) -> Response:
    """The view's answer, refusals and our own mistakes included, as its caller would get it."""
    try:
        return make_response(view(*args, **kwargs))
    except Exception as error:
        return make_response(current_app.handle_user_exception(error))


def _keep(deps: Deps, claim: idempotency.Claim, answer: Response) -> Response:
    """Write the answer down before it is given. Where the database is away for that, the work stands and the answer is
    given all the same; the key is free again when the lease ends."""
    try:
        with deps.db.transaction() as tx:
            if answer.status_code >= 500:
                idempotency.give_back(tx, claim)
            else:
                headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
                idempotency.finish(tx, claim, answer.status_code, headers, answer.get_data(as_text=True))
    except Unavailable:
        emit("idempotency.not_kept", status=answer.status_code)
    return answer
