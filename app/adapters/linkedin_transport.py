"""Own the limits on answers from LinkedIn's authorization server.

Invariant: an answer has at most MAX_BODY_BYTES, is no redirect, and is in memory when its reader gets it.
"""

from __future__ import annotations

import io
from typing import Any

from requests import PreparedRequest, Response

from app.adapters.network_errors import describe_root_cause
from app.adapters.requests_transport import DeadlineTransport
from app.domain.oauth import AuthorizationError
from app.domain.turns import paused

MAX_BODY_BYTES = 64 * 1024


class LinkedInTransport(DeadlineTransport):
    """A requests transport adapter for small answers from an authorization server."""

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        """Send the request once and read the whole answer.

        Raises: AuthorizationError `rate_limited` for 429, `unreachable` for 5xx and for a body cut short,
        `broken_answer` for a redirect and for a body above MAX_BODY_BYTES.
        """
        with paused():
            return self._send(request, **options | {"stream": True})

    def _send(self, request: PreparedRequest, **options: Any) -> Response:
        response = super().send(request, **options)
        with response:
            status = response.status_code
            if status == 429:
                raise AuthorizationError("rate_limited", "the answer is 429")
            if status >= 500:
                raise AuthorizationError("unreachable", f"the answer is {status}")
            if 300 <= status < 400:
                raise AuthorizationError("broken_answer", f"the answer is a redirect ({status})")
            try:
                body = response.raw.read(MAX_BODY_BYTES + 1, decode_content=True)
            except Exception as error:  # urllib3's own: requests does not translate errors of `raw`
                raise AuthorizationError("unreachable", describe_root_cause(error)) from None
            if len(body) > MAX_BODY_BYTES:
                raise AuthorizationError("broken_answer", f"the answer is longer than {MAX_BODY_BYTES} bytes")
        response.raw = io.BytesIO(body)  # requests reads `content` and `json()` from here
        return response
