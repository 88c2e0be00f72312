"""HTTP for small answers from authorization servers: one deadline, a bounded body, no redirects, plain refusals."""

from __future__ import annotations

from typing import Any

from requests import PreparedRequest, Response

from app.adapters.n8n_connections import explain
from app.adapters.requests_transport import Connections
from app.domain.oauth import AuthorizationError

MAX_BODY_BYTES = 64 * 1024


class BoundedConnections(Connections):
    """A requests adapter. Answers that say "not now" or make no sense raise AuthorizationError; the rest has its whole
    body in memory, so that whoever reads it needs no bound of its own."""

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        response = super().send(request, **options | {"stream": True})
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
            except Exception as error:  # urllib3's own, which requests would have translated
                raise AuthorizationError("unreachable", explain(error)) from None
            if len(body) > MAX_BODY_BYTES:
                raise AuthorizationError("broken_answer", f"the answer is longer than {MAX_BODY_BYTES} bytes")
        response._content = body  # what requests itself sets once it has read a body
        return response
