"""The routes of the console's session: a user's JWT becomes a cookie that no script can read.

Invariant: a session never outlives its token, and a session never begins another one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import request
from flask.views import MethodView
from marshmallow import fields
from werkzeug.http import dump_cookie
from werkzeug.wrappers import Response

from app.domain.errors import Forbidden
from app.domain.sessions import COOKIE, Session, begin_session, write_session
from app.domain.verifiers import BadToken
from app.log import emit
from app.settings.values import Settings
from app.web import auth
from app.web.addresses import logged_path
from app.web.blueprint import UserBlueprint
from app.web.console.proof import is_of_another_origin, key_of, user_of_session
from app.web.failed_proofs import failed_proofs
from app.web.fields import Answer, Camel, WireInstant
from app.web.problems import problem

ATTRIBUTES: dict[str, Any] = {"path": "/", "secure": True, "httponly": True, "samesite": "Strict"}
SIGN_IN = "Sign in: the session is missing or has ended."

blueprint = UserBlueprint("session", __name__, url_prefix="/console/session", description="The console's session")


class NoFields(Camel):
    """The body of a call that takes no field."""


class SessionView(Answer):
    user_id = fields.String()
    admin = fields.Boolean()
    expires_at = WireInstant()


@blueprint.route("")
class ConsoleSession(MethodView):
    @blueprint.operation("beginSession", "403 cross_origin")
    @auth.user_required
    @blueprint.arguments(NoFields)
    @blueprint.response(200, SessionView)
    def post(self, _body: dict[str, Any]) -> Any:
        """Begin a session of the console with a user's JWT.

        The cookie __Host-punctual proves its user to all routes of users, in calls from pages of this origin alone.
        """
        deps, token = auth.deps(), auth.principal()
        _refuse_another_origin()
        if auth.bearer() is None or token.expires_at is None:
            return auth.unauthorized("Send the user's JWT as Authorization: Bearer <JWT>.")
        now = deps.clock.now()
        session = begin_session(token.user_id, token.admin, token.expires_at, now)
        if session.expires_at <= now:
            return auth.unauthorized(auth.PROOF_CURE)
        cookie = session_cookie(session, deps.settings, now)
        emit("session.begun", user_id=session.user_id, admin=session.admin, by="token")
        return session, 200, {"Set-Cookie": cookie}

    @blueprint.operation("getSession", "401 session_required", "429 rate_limited", security=("session",))
    @blueprint.response(200, SessionView)
    def get(self) -> Any:
        """Read the session of this browser."""
        try:
            return user_of_session(auth.deps())
        except BadToken as error:
            return _refuse(error)

    @blueprint.operation("endSession", "403 cross_origin", "415 json_required", security=())
    @blueprint.response(204)
    def delete(self) -> Any:
        """End the session of this browser: its cookie is removed."""
        _refuse_another_origin()
        return None, 204, {"Set-Cookie": _cookie("", 0)}


def session_cookie(session: Session, settings: Settings, now: datetime) -> str:
    """Return the header that keeps this session in its browser.

    Raises: NotConfigured.
    """
    key = key_of(settings)
    if key is None:
        raise auth.not_configured("TOKEN_ENCRYPTION_KEYS")
    return _cookie(write_session(session, key), int((session.expires_at - now).total_seconds()))


def _refuse_another_origin() -> None:
    """Keep other sites from signing a browser in as their own user, and out.

    Raises: Forbidden.
    """
    if is_of_another_origin(auth.deps().settings):
        raise Forbidden("cross_origin", "Call this from a page of this address.")


def _refuse(error: BadToken) -> Response:
    reason = error.reason
    if request.cookies.get(COOKIE):
        limited = failed_proofs().refusal(
            lambda: emit("auth.refused", reason=reason, path=logged_path()), forged=error.is_forged
        )
        if limited is not None:
            return limited
    return problem(401, "session_required", SIGN_IN, WWW_Authenticate="Bearer")


def _cookie(value: str, seconds: int) -> str:
    return dump_cookie(COOKIE, value, max_age=seconds, sync_expires=False, **ATTRIBUTES)
