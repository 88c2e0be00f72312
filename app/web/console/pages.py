"""The console's page and its files. The page is the same at every address: its script reads the address.

Invariant: the page names two files of this origin and runs nothing else.
"""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Response, current_app, render_template, request
from werkzeug.exceptions import NotFound

from app.web.auth import deps, services
from app.web.console.built import Built, etag_of
from app.web.console.oidc import BEGIN
from app.web.console.policy import console_policy, style_policy

BUILT = "punctual_console"  # among the app's extensions
FOREVER = "public, max-age=31536000, immutable"
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Ccircle cx='16' cy='16' "
    "r='14' fill='%230b63ce'/%3E%3Cpath d='M16 8v8l5 4' fill='none' stroke='%23fff' stroke-width='3' "
    "stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E"
)

blueprint = Blueprint("console", __name__)


def built() -> Built:
    return cast(Built, current_app.extensions[BUILT])


@blueprint.get("/")
@blueprint.get("/console")
@blueprint.get("/console/<path:page>")
def console(page: str = "") -> Response:
    return shell("console") or _no_console()


def shell(name: str) -> Response | None:
    """Return the page of this name in the manifest, None without it."""
    manifest = built().manifest()
    if manifest is None or name not in manifest.entries:
        return None
    provider = BEGIN if services().sign_in is not None else None
    page = render_template("console.html", icon=ICON, entry=manifest.entries[name], provider=provider)
    return _as_page(page, console_policy(local=deps().settings.local))


def _no_console() -> Response:
    page = render_template("no_console.html", icon=ICON)
    return _as_page(page, style_policy(page))


def _as_page(page: str, policy: str) -> Response:
    body = page.encode()
    response = Response(body, mimetype="text/html")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.set_etag(etag_of(body))
    response.make_conditional(request)
    return response


@blueprint.get("/console/assets/<path:name>")
def asset(name: str) -> Any:
    gzipped = request.accept_encodings["gzip"] > 0
    found = built().read(name, gzipped=gzipped)
    if found is None:
        raise NotFound
    response = Response(found[0], content_type=f"{found[1]}; charset=utf-8")
    response.headers["Cache-Control"] = FOREVER
    response.headers["Vary"] = "Accept-Encoding"
    if gzipped:
        response.headers["Content-Encoding"] = "gzip"
    return response
