"""The console's page and its files. The page is the same at every address: its script reads the address.

Invariant: the page names two files of this origin and runs nothing else.
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import NotFound

from app.web.auth import deps
from app.web.console.built import Built, Entry, etag_of

BUILT = "punctual_console"  # among the app's extensions
FOREVER = "public, max-age=31536000, immutable"
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Ccircle cx='16' cy='16' "
    "r='14' fill='%230b63ce'/%3E%3Cpath d='M16 8v8l5 4' fill='none' stroke='%23fff' stroke-width='3' "
    "stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Punctual</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="/console/assets/{entry.style}">
<script type="module" src="/console/assets/{entry.script}"></script>
</head>
<body>
<div id="app"></div>
<noscript>The console needs JavaScript. The API works without it: <a href="/openapi.json">openapi.json</a>.</noscript>
</body>
</html>
"""
NO_BUILD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Punctual</title>
<link rel="icon" href="{icon}">
</head>
<body>
<h1>Punctual</h1>
<p>The API works. The console is not built here. Build it in the folder of the app, with Node 20 or newer:</p>
<pre>make console</pre>
<p>Without make: <code>python -m app.web.console.build</code>. Then load this page again.</p>
<p>The API's documentation: <a href="/docs">docs</a>, <a href="/openapi.json">openapi.json</a>.</p>
</body>
</html>
"""
LOOPBACK = "http://127.0.0.1:* http://localhost:*"

blueprint = Blueprint("console", __name__)


def built() -> Built:
    return cast(Built, current_app.extensions[BUILT])


@blueprint.get("/")
@blueprint.get("/console")
@blueprint.get("/console/<path:page>")
def console(page: str = "") -> Response:
    return shell("console")


def shell(name: str) -> Response:
    """Return the page of this name in the manifest. Without a build, return the page that says how to make one."""
    manifest = built().manifest()
    entry = manifest.entries.get(name) if manifest is not None else None
    return _as_page(PAGE.format(icon=ICON, entry=entry) if isinstance(entry, Entry) else NO_BUILD.format(icon=ICON))


@blueprint.get("/console/assets/<path:name>")
def asset(name: str) -> Response:
    gzipped = request.accept_encodings["gzip"] > 0
    try:
        found = built().read(name, gzipped=gzipped)
    except OSError:  # the build was removed after its manifest was read
        found = None
    if found is None:
        raise NotFound
    response = Response(found[0], content_type=f"{found[1]}; charset=utf-8")
    response.headers["Cache-Control"] = FOREVER
    response.headers["Vary"] = "Accept-Encoding"
    if gzipped:
        response.headers["Content-Encoding"] = "gzip"
    return response


def _as_page(text: str) -> Response:
    body = text.encode()
    response = Response(body, mimetype="text/html")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = policy(local=deps().settings.local)
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.set_etag(etag_of(body))
    return response.make_conditional(request)


def policy(*, local: bool) -> str:
    """Return the page's Content-Security-Policy. In the local stack, posts may have media of this machine."""
    more = f" {LOOPBACK}" if local else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' https: data:{more}",
            f"media-src https:{more}",
            "connect-src 'self'",
            "font-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
