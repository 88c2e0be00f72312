"""Rules for every request and answer: request ids, security headers, CORS, and bodies in JSON only."""

from __future__ import annotations

import re
import uuid

from flask import Flask, Response, g, request

from app.log import request_id
from app.settings.values import Settings
from app.web.problems import DETAILS, problem

CONNECT_ROUTE = r"/api/social-accounts/linkedin/connect"
USER_ROUTES = (
    r"/api/(?:posts(?!/dispatch)|social-accounts|companies|invitations|audit|jobs|feeds|webhook-endpoints"
    r"|operations|scheduler/run)(?:/.*)?"
)
CSV_ROUTE = "/api/posts/bulk"
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
    "Location",
    "Retry-After",
    "Idempotency-Replayed",
    "X-Next-Cursor",
    "RateLimit",
    "RateLimit-Policy",
]
HSTS = "max-age=31536000; includeSubDomains"


def register(app: Flask, settings: Settings) -> None:
    app.before_request(_begin)
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
    request_id.set(g.request_id)
    if request.method in ("GET", "HEAD"):
        return None  # no route reads a body of theirs
    has_body = bool(request.content_length) or "Transfer-Encoding" in request.headers
    is_known = request.is_json or (request.path == CSV_ROUTE and request.mimetype == "text/csv")
    if has_body and not is_known and re.fullmatch(USER_ROUTES, request.path):
        return None if request.headers.get("Upstash-Signature") else problem(415, *DETAILS[415])
    return None


def _end(_error: BaseException | None) -> None:
    request_id.set(None)  # the server's thread serves others next


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure or request.headers.get("X-Forwarded-Proto") == "https":
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    response.headers["X-Request-ID"] = g.get("request_id", "")
    return response
