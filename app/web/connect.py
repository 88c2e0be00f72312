"""The route that begins to connect an account. The frontend then sends the browser to the returned address."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.views import MethodView
from werkzeug.http import dump_cookie

from app.accounts import connect
from app.web import schemas
from app.web.addresses import acts_on_get
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.callback import cookie_for

MAX_CONNECTIONS = 8  # begun in one browser and not finished

blueprint = UserBlueprint(
    "connect",
    __name__,
    url_prefix="/api/social-accounts/linkedin",
    description="Accounts by the platform's consent",
)


@blueprint.route("/connect")
@acts_on_get
class Connect(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("beginConnection", "403 role_insufficient", "422 company_not_found client_not_found")
    @blueprint.arguments(schemas.ConnectQuery, location="query")
    @blueprint.response(200, schemas.ConnectView)
    def get(self, query: dict[str, Any]) -> tuple[dict[str, Any], int, list[tuple[str, str]]]:
        """Begin to connect a LinkedIn account.

        Call with credentials, then open authorizationUrl in the browser.
        """
        ids = {name: str(value) for name, value in query.items()}
        started = connect.begin(deps(), user_id(), **ids)
        name, attributes = cookie_for(started.cookie)
        cookies = [dump_cookie(name, started.browser_secret, max_age=connect.STATE_LIFETIME, **attributes)]
        cookies += [dump_cookie(one, "", expires=0, max_age=0, **attributes) for one in _old_cookies(name)]
        body = {"authorization_url": started.url, "expires_at": started.expires_at}
        return body, 200, [("Set-Cookie", cookie) for cookie in cookies]


def _old_cookies(name: str) -> list[str]:
    """Return the cookies of connections begun long before, so that the header of later requests stays short."""
    common = name.rpartition("_")[0]
    return [one for one in request.cookies if one.startswith(common)][:-MAX_CONNECTIONS]
