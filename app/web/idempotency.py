"""The Idempotency-Key header: a repeated request gets the first answer, and its work is done once.

Follows draft-ietf-httpapi-idempotency-key-header. A key used for another request is 422, a key in flight 409. The kept
answer is "success or an error", so 4xx are kept like 2xx. A 5xx is not kept, and the request may be tried again. It may
have made its posts: their ids come from the key, so the repeat finds them. Keys belong to one user and are opaque.
Quotes, if any, are part of the key.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, make_response, request
from werkzeug.wrappers import Response

from app import idempotency
from app.domain.errors import FieldError, Invalid, Unavailable
from app.log import emit
from app.settings.pasted import trim
from app.web.auth import deps, user_id
from app.web.bodies import read_json, whole_body
from app.web.ids import uuid_or_none
from app.web.json_answers import to_json
from app.web.problems import problem

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY = 255
VISIBLE = re.compile(r"[!-~]{1,255}")
KEPT_HEADERS = ("Content-Type", "Location", "Retry-After")
RETRY_AFTER_SECONDS = "1"
ID_FIELDS = {"postId": "post_id", "companyId": "company_id", "clientId": "client_id"}
MIN_LEFT_OUT = 500  # characters. Shorter texts are kept in the answer


def idempotent(view: View) -> View:
    """Answer a repeated request with the first answer.

    Apply it inside the decorator that checks the user, and outside those that read the body.
    """

    @wraps(view)
    def once(*args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER)
        if key is None:
            return view(*args, **kwargs)
        if not VISIBLE.fullmatch(key):
            message = f"Send 1 to {MAX_KEY} visible ASCII characters, such as a UUID."
            error = FieldError(HEADER, "invalid_idempotency_key", message, MAX_KEY, len(key))
            raise Invalid("invalid_idempotency_key", message, [error])
        fingerprint = _fingerprint()
        found = idempotency.lock_key(deps(), user_id(), key, fingerprint)
        if isinstance(found, idempotency.KeyLock):
            return _keep(found, _answer(view, *args, **kwargs))
        if found is None:
            return _in_flight()
        answer, subjects = _replay(found, fingerprint)
        # The view refuses a user who has lost the right, with the answer that any stranger gets.
        return answer if idempotency.may_replay(deps(), user_id(), subjects) else view(*args, **kwargs)

    return cast(View, once)


def id_by_key(part: str = "") -> str | None:
    """Return the id for a post that this request makes, the same one at each repeat. None without a key.

    `part` tells the posts of one request apart.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    named = "\n".join((user_id(), key, _fingerprint(), part)).encode()
    return str(uuid.UUID(bytes=hashlib.sha256(named).digest()[:16], version=4))


def _fingerprint() -> str:
    """Hash the route with its ids and the body, byte for byte. Equal requests have equal hashes."""
    route = f"{request.method} {request.path}\n".encode("utf-8", "replace")
    return hashlib.sha256(route + whole_body()).hexdigest()


def _replay(record: idempotency.KeyRecord, fingerprint: str) -> tuple[Response, idempotency.Subjects]:
    """Return the kept answer, and the objects that the caller must still be allowed to read."""
    if record.fingerprint != fingerprint:
        message = "This Idempotency-Key was used for another request. Send a new key with a new request."
        error = FieldError(HEADER, "idempotency_key_reused", message)
        raise Invalid("idempotency_key_reused", message, [error])
    if record.status is None:
        return _in_flight(), idempotency.Subjects()
    body, at = record.body, record.content_at
    if at is not None:
        body = body[:at] + _content_of_request() + body[at:]
    response = current_app.response_class(body, record.status)
    for name, value in record.headers.items():
        response.headers[name] = value
    response.headers[REPLAYED] = "true"
    return response, _subjects(body)


def _subjects(answer: str) -> idempotency.Subjects:
    """Collect the ids in the request's path, in its body and in the kept answer."""
    found = idempotency.Subjects()
    asked, kept = read_json(request.get_data()) or {}, read_json(answer.encode("utf-8", "surrogatepass")) or {}
    named = [("post_id", (request.view_args or {}).get("post_id")), ("post_id", kept.get("id"))]
    named += [(key, one.get(name)) for one in (asked, kept) for name, key in ID_FIELDS.items()]
    kinds = {"post_id": found.posts, "company_id": found.companies, "client_id": found.clients}
    for key, value in named:
        canonical = uuid_or_none(trim(value)) if isinstance(value, str) else None
        if canonical is not None:
            kinds[key].add(canonical)
    return found


def _in_flight() -> Response:
    detail = "The first request with this Idempotency-Key is still in flight. Send it again in a moment."
    return problem(409, "idempotency_in_flight", detail, Retry_After=RETRY_AFTER_SECONDS)


def _answer(view: Callable[..., Any], *args: Any, **kwargs: Any) -> Response:
    """Call the view and return its answer. An exception becomes the same error answer as without a key."""
    try:
        return make_response(view(*args, **kwargs))
    except Exception as error:
        return make_response(current_app.handle_user_exception(error))


def _keep(lock: idempotency.KeyLock, answer: Response) -> Response:
    """Store the answer, then return it.

    If the database is down, the answer is returned without being stored. The key is free when its lease ends.
    """
    try:
        if answer.status_code >= 500:
            idempotency.release(deps(), lock)
        else:
            headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
            body, at = _without_content(answer.get_data(as_text=True))
            idempotency.finish(deps(), lock, answer.status_code, headers, body, at)
    except Unavailable:
        emit("idempotency.not_kept", status=answer.status_code)
    return answer


def _without_content(body: str) -> tuple[str, int | None]:
    """Leave the text of the request out of the answer, because the post has it already.

    A repeated request brings the same text again. Returns the body, and the place of the text or None.
    """
    content = _content_of_request()
    at = body.find(content) if len(content) > MIN_LEFT_OUT else -1
    return (body, None) if at < 0 else (body[:at] + body[at + len(content) :], at)


def _content_of_request() -> str:
    """Return the `content` of the request's body as JSON, or the empty text."""
    content = (read_json(whole_body()) or {}).get("content")
    return to_json(content) if isinstance(content, str) else ""
