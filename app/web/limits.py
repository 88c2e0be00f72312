"""Rate limits: who is counted, what a call costs, and the headers of draft-ietf-httpapi-ratelimit-headers.

Invariant: a machine with a valid proof is never limited, and no route of a machine waits for a count.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request

from app.deps import Deps
from app.rate_limits import CallCounter, Window
from app.settings.readers import Rate
from app.web.addresses import ACTS_ON_GET
from app.web.client_address import address_bucket
from app.web.problems import problem

if TYPE_CHECKING:
    from app.web.limiter import Checks

LIMITS = "punctual_limits"  # the key of the app's RequestLimits among its extensions
READS, WRITES, PUBLIC, MEDIA_CHECKS = "reads", "writes", "public", "media checks"

View = TypeVar("View", bound=Callable[..., Any])


def caller() -> str:
    """Return whose calls are counted together: a user, a personal key, or without a proof the client's address.

    A key is counted apart from its user, so a script in a loop does not keep its user from revoking the key.
    """
    principal = g.get("principal")
    if principal is None:
        return f"address:{address_bucket()}"
    return f"key:{principal.key_id}" if principal.key_id is not None else f"user:{principal.user_id}"


class RequestLimits:
    """The limits of an app, built at the first limited request."""

    def __init__(self, deps: Deps) -> None:
        s = deps.settings
        self.limits: dict[str, Rate] = {
            READS: s.rate_limit_reads,
            WRITES: s.rate_limit_writes,
            PUBLIC: s.rate_limit_public,
            MEDIA_CHECKS: s.rate_limit_media_checks,
        }
        self._deps = deps
        self._lock = threading.Lock()
        self._checks: Checks | None = None

    def refuse(self, name: str) -> Response | None:
        """Count this request against a limit. Returns None, or above the limit the answer."""
        if not self._deps.settings.rate_limits:
            return None
        from app.web.limiter import RateLimitExceeded  # on first use: it adds 20 ms to a cold start

        try:
            self._built().count(name)
        except RateLimitExceeded:
            return self._answer(name)
        finally:
            g.rate_limit = name
        return None

    def seconds_left(self, window: Window) -> int:
        return max(1, math.ceil((window.ends_at - self._deps.clock.now()).total_seconds()))

    def _built(self) -> Checks:
        with self._lock:
            if self._checks is None:
                from app.web.limiter import Checks

                self._checks = Checks(CallCounter(self._deps), self.limits, caller)
            return self._checks

    def _answer(self, name: str) -> Response:
        limit, seconds = self.limits[name], self.seconds_left(g.rate_window)
        detail = (
            f"These were more than {limit.amount} {name} in {limit.seconds} seconds. Try again in {seconds} seconds."
        )
        return problem(429, "rate_limited", detail, Retry_After=str(seconds))


def register(app: Flask, deps: Deps) -> None:
    app.extensions[LIMITS] = RequestLimits(deps)
    app.after_request(_add_headers)


def request_limits() -> RequestLimits:
    return cast(RequestLimits, current_app.extensions[LIMITS])


def refuse_user() -> Response | None:
    """Count a user's request as a read or a write. Returns None, or above the limit the answer."""
    acts = request.url_rule is not None and request.url_rule.rule in current_app.extensions.get(ACTS_ON_GET, {})
    is_read = request.method in ("GET", "HEAD") and not acts
    return request_limits().refuse(READS if is_read else WRITES)


def limited_by_address(view: View) -> View:
    """Limit a route that needs no proof, by the client's address."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        return request_limits().refuse(PUBLIC) or view(*args, **kwargs)

    return cast(View, checked)


def limited_by(name: str) -> Callable[[View], View]:
    """Count the calls of a costly route against a limit of its own too, after the caller's proof."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            return request_limits().refuse(name) or view(*args, **kwargs)

        return cast(View, checked)

    return decorate


def _add_headers(response: Response) -> Response:
    name, window = g.get("rate_limit"), g.get("rate_window")
    if name is None or window is None:
        return response
    limits = request_limits()
    limit = limits.limits[name]
    left = max(0, limit.amount - window.hits)
    response.headers["RateLimit-Policy"] = f'"{name}";q={limit.amount};w={limit.seconds}'
    response.headers["RateLimit"] = f'"{name}";r={left};t={limits.seconds_left(window)}'
    return response
