"""Where LinkedIn sends the browser back. What comes of it is told to a person, on our page or on the frontend's.

Promise: where the browser goes next depends on a setting alone, never on the request.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, render_template, request

from app.domain.errors import NotConfigured, Refusal, Unavailable
from app.domain.post import Account
from app.web.auth import deps
from app.web.docs import PAGE_POLICY

PATH = "/api/social-accounts/linkedin/callback"

blueprint = Blueprint("callback", __name__)


@blueprint.get(PATH)
def callback() -> Response:
    from app.accounts import connect

    state = request.args.get("state", "")[: connect.MAX_STATE]
    cookie = connect.cookie_name(state)
    try:
        account = connect.complete(
            deps(),
            state,
            request.cookies.get(cookie, ""),
            request.args.get("code", ""),
            request.args.get("error", ""),
        )
    except NotConfigured:
        raise
    except Refusal as refusal:
        answer = _told(None, refusal)
    else:
        answer = _told(account, None)
    answer.delete_cookie(cookie, path=PATH)
    return answer


def _told(account: Account | None, refusal: Refusal | None) -> Response:
    back = deps().settings.connect_return_url
    if back is not None:
        said = {"connected": account.platform, "accountId": account.id} if account else {}
        said |= {"error": refusal.code} if refusal else {}
        parts = urlsplit(back)
        query = "&".join(filter(None, (parts.query, urlencode(said))))
        there = urlunsplit(parts._replace(query=query))
        return Response(status=303, headers={"Location": there}, mimetype="text/plain")
    status = 503 if isinstance(refusal, Unavailable) else 400 if refusal else 200
    page = render_template("connected.html", account=account, detail=refusal.detail if refusal else "")
    response = Response(page, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response
