"""Rules for every request and answer: request ids, security headers, CORS, and bodies in JSON only."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from flask import Flask, Response, g, request

from app.deps import Deps
from app.domain.ports import Clock
from app.domain.times import to_wire
from app.log import begin_request, end_request
from app.web.bodies import has_foreign_body
from app.web.problems import DETAILS, problem

CONNECT_ROUTE = r"/api/social-accounts/linkedin/connect"
USER_ROUTES = (
    r"/api/(?:posts(?!/dispatch)|social-accounts|companies|invitations|audit|jobs|feeds|platforms|media|webhook-endpoints"
    r"|operations|scheduler/run)(?:/.*)?"
)
SESSION_ROUTE = "/console/session"
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
}
TRACING_HEADERS = ["traceparent", "tracestate", "baggage"]  # W3C Trace Context and Baggage, sent by browser tracers
ALLOWED_HEADERS = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "X-Request-ID",
    *TRACING_HEADERS,
]
EXPOSED_HEADERS = [
    "ETag",
    "X-Request-ID",
    "X-Server-Time",
    "Location",
    "Retry-After",
    "Idempotency-Replayed",
    "X-Next-Cursor",
    "RateLimit",
    "RateLimit-Policy",
]
HSTS = "max-age=31536000; includeSubDomains"


def register(app: Flask, deps: Deps) -> None:
    settings = deps.settings
    app.before_request(_begin)
    app.after_request(_add_server_time(deps.clock))
    app.after_request(_finish)
    app.teardown_request(_end)
    if settings.cors_origins:
        from flask_cors import CORS  # imported here because most installations need no CORS

        origins = list(settings.cors_origins)
        # The connect route's answer sets a cookie. Browsers keep it only where credentials are allowed, and that must
        # never be so for every origin.
        with_cookie = {"origins": origins, "supports_credentials": "*" not in origins}
        CORS(
            app,
            resources={CONNECT_ROUTE: with_cookie, USER_ROUTES: {"origins": origins}},
            methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            max_age=600,
        )


def _begin() -> Response | None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    begin_request(g.request_id)
    if request.method in ("GET", "HEAD"):
        return None  # no route reads a body of theirs
    if has_foreign_body() and (request.path == SESSION_ROUTE or re.fullmatch(USER_ROUTES, request.path)):
        return None if request.headers.get("Upstash-Signature") else problem(415, *DETAILS[415])
    return None


def _end(_error: BaseException | None) -> None:
    end_request()


def _add_server_time(clock: Clock) -> Callable[[Response], Response]:
    """Return a function that adds the server's time to an answer. Pages correct their clock with it."""

    def add(response: Response) -> Response:
        response.headers["X-Server-Time"] = str(to_wire(clock.now()))
        return response

    return add


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure or request.headers.get("X-Forwarded-Proto") == "https":
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    response.headers["X-Request-ID"] = g.get("request_id", "")
    return response
