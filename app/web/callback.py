"""The callback of LinkedIn's consent page. The answer goes to a person, on our page or on the frontend's.

Invariant: the next address of the browser depends on a setting alone, never on the request.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, render_template, request

from app.accounts import connect
from app.domain.errors import NotConfigured, Refusal, Unavailable
from app.domain.post import Account
from app.web.addresses import acts_on_get
from app.web.auth import deps
from app.web.console.policy import style_policy

HOST_PREFIX = "__Host-"
PATH = "/api/social-accounts/linkedin/callback"

blueprint = Blueprint("callback", __name__)


@blueprint.get(PATH)
@acts_on_get
def callback() -> Response:
    state = request.args.get("state", "")[: connect.MAX_STATE]
    name, attributes = cookie_for(connect.cookie_name(state))
    try:
        account = connect.complete(
            deps(),
            state,
            request.cookies.get(name, ""),
            request.args.get("code", ""),
            request.args.get("error", ""),
        )
    except NotConfigured:
        raise
    except Refusal as refusal:
        answer = _show_result(None, refusal)
    else:
        answer = _show_result(account, None)
    answer.delete_cookie(name, **attributes)
    return answer


def cookie_for(name: str) -> tuple[str, dict[str, Any]]:
    """Return the full name and the attributes of the cookie that binds a connection to its browser.

    Browsers take a cookie with the prefix `__Host-` over https from this very host alone, so no other host of the same
    site can plant one. The local stack speaks http, where the prefix is refused.
    """
    secure = not deps().settings.local
    # Lax: the cookie comes along when LinkedIn redirects the browser back.
    attributes = {"path": "/" if secure else PATH, "secure": secure, "httponly": True, "samesite": "Lax"}
    return f"{HOST_PREFIX if secure else ''}{name}", attributes


def _show_result(account: Account | None, refusal: Refusal | None) -> Response:
    """Redirect to the frontend with the result as query, or show our own page if no frontend is set."""
    return_url = deps().settings.connect_return_url
    if return_url is not None:
        result = {"connected": account.platform, "accountId": account.id} if account else {}
        result |= {"error": refusal.code} if refusal else {}
        parts = urlsplit(return_url)
        query = "&".join(filter(None, (parts.query, urlencode(result))))
        location = urlunsplit(parts._replace(query=query))
        return Response(status=303, headers={"Location": location}, mimetype="text/plain")
    status = 503 if isinstance(refusal, Unavailable) else 400 if refusal else 200
    page = render_template("connected.html", account=account, detail=refusal.detail if refusal else "")
    response = Response(page, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = style_policy(page)
    return response
