"""Send events to webhook endpoints: one signed POST each, by Standard Webhooks.

Invariant: a request goes only to an address that passed the check at this moment. No redirect is followed, the body of
the answer is not read, and nothing is raised.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.adapters.network_errors import describe_root_cause
from app.adapters.pinned_address import BoundedLookup, Resolve, allowed_addresses, resolve, send_to
from app.domain.content.addresses import BadUrl, check_url
from app.domain.turns import paused
from app.domain.webhooks import EventReply
from app.version import VERSION

if TYPE_CHECKING:
    from requests import PreparedRequest

SECONDS = 10.0  # for one delivery
POLL_SECONDS = 3.0  # in poll mode, where the sweep that sends posts delivers events too
MAX_ADDRESSES = 2  # tried one after the other
LOOKUP_SHARE = 0.5  # of the time, for the lookup of the host's name. It has no time limit of its own
MAX_LOOKUPS = 12  # at once, twice the deliveries of a process: a hanging resolver keeps its thread


class HttpEventSender:
    """An implementation of ports.EventSender. `allow_loopback` is for the local stack alone."""

    tls_verify: bool | str = True  # True: certifi's certificates. A path: a PEM file of others.

    def __init__(self, *, allow_loopback: bool = False, resolve: Resolve = resolve, seconds: float = SECONDS) -> None:
        self._allow_loopback, self._seconds = allow_loopback, seconds
        self._resolve = BoundedLookup(resolve, seconds * LOOKUP_SHARE, MAX_LOOKUPS)

    def send(self, url: str, secrets: Sequence[str], event_id: str, at: datetime, body: str) -> EventReply:
        """Sign and post one event. Each secret adds a signature."""
        try:
            check_url(url, allow_loopback=self._allow_loopback)
        except BadUrl:
            return EventReply(None, "The address is not allowed.", refused=True)
        try:
            with paused():
                return self._send(url, signed_headers(secrets, event_id, at, body), body)
        except Exception as error:  # requests', urllib3's, the socket's and those of a broken name
            return EventReply(None, describe_root_cause(error))

    def _send(self, url: str, headers: dict[str, str], body: str) -> EventReply:
        from requests import Request, RequestException

        deadline = time.monotonic() + self._seconds
        request: PreparedRequest = Request("POST", url, headers=headers, data=body.encode()).prepare()
        parts = urlsplit(str(request.url))  # `prepare` converted the host to ASCII
        allowed = allowed_addresses(parts, self._resolve, allow_loopback=self._allow_loopback)
        if not allowed:
            reason = "has no address" if allowed is None else "has no public address"
            return EventReply(None, f"The host {reason}.", refused=allowed is not None)
        failed: Exception | None = None
        for address in allowed[:MAX_ADDRESSES]:
            try:
                left = deadline - time.monotonic()
                for response in send_to(address, request, parts, max(left, 0.001), self.tls_verify):
                    return EventReply(response.status_code, "")
            except RequestException as error:
                failed = error
        return EventReply(None, describe_root_cause(failed) if failed else "No answer came.")


def signed_headers(secrets: Sequence[str], event_id: str, at: datetime, body: str) -> dict[str, str]:
    """Return the headers of Standard Webhooks. `sign` takes the fields of `at` for UTC, so it is converted before."""
    from standardwebhooks import Webhook

    at = at.astimezone(UTC)
    signatures = [Webhook(secret).sign(event_id, at, body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Punctual/{VERSION}",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
