"""Log failed and slow requests, and trace all requests where a collector is set.

Invariant: no query, no body and no header is logged, and a stranger's bad requests fill no log.
"""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from app.domain.traces import Span, Tracer
from app.log import began, emit
from app.web.addresses import logged_path
from app.web.turnstile import DELIVERY_PATH, FREE_PATHS, MACHINE_PATHS

SLOW_SECONDS = 1.0
LIMITED = frozenset({401, 429})  # each has a line of its own, up to a limit
CODE = "problem_code"  # of the answer, kept in g for its line


def register(app: Flask, tracer: Tracer | None) -> None:
    """Log at the very end of a request. Register it before all others: their hooks run first then."""

    def finish(response: Response) -> Response:
        _log(response)
        if tracer is not None:
            _trace(tracer, response)
        return response

    app.after_request(finish)


def _trace(tracer: Tracer, response: Response) -> None:
    """Record the request as a span: its route, never its path, and ids."""
    route = str(request.url_rule) if request.url_rule else "unknown"
    ended = time.time_ns()
    lasted = int((time.monotonic() - (began.get() or time.monotonic())) * 1e9)
    about: dict[str, str | int] = {
        "http.request.method": request.method,
        "http.route": route,
        "http.response.status_code": response.status_code,
        "punctual.request_id": g.get("request_id", ""),
    }
    post_id = (request.view_args or {}).get("post_id")
    about |= {"punctual.post_id": post_id} if post_id else {}
    parent, failed = request.headers.get("traceparent"), response.status_code >= 500
    tracer.record(Span(f"{request.method} {route}", ended - lasted, ended, about, failed, parent))


def _log(response: Response) -> None:
    if _is_worth_a_line(response.status_code):
        emit(
            "request",
            method=request.method,
            path=logged_path(),
            status=response.status_code,
            code=g.get(CODE),
        )


def _is_worth_a_line(status: int) -> bool:
    if request.path in FREE_PATHS or status in LIMITED:
        return False
    if status >= 500:
        return True
    is_known = g.get("principal") is not None or request.path.startswith((DELIVERY_PATH, *MACHINE_PATHS))
    if status >= 400:
        return is_known
    since = began.get()
    waits_by_design = request.path.startswith((DELIVERY_PATH, *MACHINE_PATHS))
    return since is not None and not waits_by_design and time.monotonic() - since >= SLOW_SECONDS
