"""Sign in to the console by an OpenID Connect provider.

Invariant: the next address of the browser is the provider's page or a page of ours, never one of the request.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from werkzeug.http import dump_cookie

from app.domain.oauth import AuthorizationError
from app.domain.sessions import LIFETIME as SESSION_LIFETIME
from app.domain.sessions import begin_session
from app.domain.sign_in import (
    COOKIE,
    LABEL,
    LIFETIME,
    MAX_CODE,
    MAX_STATE,
    SignIn,
    begin_journey,
    read_journey,
    write_journey,
)
from app.log import emit
from app.web.addresses import acts_on_get
from app.web.auth import deps, not_configured, services
from app.web.console.proof import key_of
from app.web.console.session import session_cookie
from app.web.limits import limited_by_address

BEGIN, CALLBACK, LOGIN = "/console/oidc/begin", "/console/oidc/callback", "/console/login"
#: Lax: the cookie comes along when the provider sends the browser back.
ATTRIBUTES: dict[str, Any] = {"path": "/", "secure": True, "httponly": True, "samesite": "Lax", "sync_expires": False}

blueprint = Blueprint("oidc", __name__)


@blueprint.get(BEGIN)
@acts_on_get
@limited_by_address
def begin() -> Response:
    provider, key = _provider()
    journey = begin_journey(deps().clock.now())
    try:
        address = provider.address(journey)
    except AuthorizationError as error:
        return _fail("sign_in_unavailable", error.code, error.detail)
    seconds = int(LIFETIME.total_seconds())
    return _go(address, dump_cookie(COOKIE, write_journey(journey, key), max_age=seconds, **ATTRIBUTES))


@blueprint.get(CALLBACK)
@acts_on_get
@limited_by_address
def callback() -> Response:
    provider, key = _provider()
    now, code = deps().clock.now(), request.args.get("code", "")
    journey = read_journey(request.cookies.get(COOKIE, ""), key, request.args.get("state", "")[:MAX_STATE], now)
    if journey is None:
        return _fail("sign_in_expired", "state_invalid", "no sign-in of this browser has this state")
    if not 0 < len(code) <= MAX_CODE:
        return _fail("sign_in_declined", "declined", request.args.get("error", "")[:64])
    try:
        person = provider.user(journey, code, request.args.get("iss"))
    except AuthorizationError as error:
        away = error.code in ("unreachable", "rate_limited")
        return _fail("sign_in_unavailable" if away else "sign_in_refused", error.code, error.detail)
    session = begin_session(person.user_id, person.admin, now + SESSION_LIFETIME, now)
    emit("session.begun", user_id=session.user_id, admin=session.admin, by="oidc")
    return _go("/", session_cookie(session, deps().settings, now), _ended())


def _provider() -> tuple[SignIn, bytes]:
    """Return the provider, and the key of the cookie for the way.

    Raises: NotConfigured.
    """
    provider, key = services().sign_in, key_of(deps().settings, LABEL)
    if provider is None or key is None:
        raise not_configured("CONSOLE_OIDC_ISSUER")
    return provider, key


def _fail(shown: str, code: str, detail: str) -> Response:
    emit("console.sign_in_failed", code=code, detail=detail)
    return _go(f"{LOGIN}?error={shown}", _ended())


def _ended() -> str:
    return dump_cookie(COOKIE, "", max_age=0, **ATTRIBUTES)


def _go(address: str, *cookies: str) -> Response:
    response = Response(status=303, headers={"Location": address}, mimetype="text/plain")
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie)
    return response
