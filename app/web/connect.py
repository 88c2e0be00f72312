"""The route that begins to connect an account. The frontend then sends the browser to the returned address."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from werkzeug.http import dump_cookie

from app.accounts import connect
from app.web import schemas
from app.web.addresses import acts_on_get
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import SECURED, UserBlueprint
from app.web.callback import PATH

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

    @blueprint.doc(**SECURED)
    @blueprint.arguments(schemas.ConnectQuery, location="query")
    @blueprint.response(200, schemas.ConnectView)
    def get(self, query: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Begin to connect a LinkedIn account.

        Call with credentials, then open authorizationUrl in the browser.
        """
        ids = {name: str(value) for name, value in query.items()}
        started = connect.begin(deps(), user_id(), **ids)
        cookie = dump_cookie(
            started.cookie,
            started.browser_secret,
            max_age=connect.STATE_LIFETIME,
            path=PATH,
            secure=not deps().settings.local,
            httponly=True,
            samesite="Lax",  # sent also when LinkedIn redirects the browser back
        )
        body = {"authorization_url": started.url, "expires_at": started.expires_at}
        return body, 200, {"Set-Cookie": cookie}
