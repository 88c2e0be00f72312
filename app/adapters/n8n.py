"""n8n: one send is one HTTP request, and its Reply says exactly how much is known about what came of it."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from app.config import Settings
from app.domain.ports import Clock, Reply, Submission
from app.domain.times import to_wire
from app.log import emit
from app.version import VERSION

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from app.adapters.connections import Connections

CONNECT_SECONDS = 5.0
MAX_BODY_BYTES = 64 * 1024
MAX_ERROR_TEXT = 300
MASK = "***"
SHORTEST_SECRET = 4  # below, masking would blot out ordinary words


class N8nPublisher:
    """ports.Publisher. Many threads share one; its pool keeps their connections."""

    tls_verify: bool | str = True  # against certifi's list; or the path of another

    def __init__(self, settings: Settings, clock: Clock) -> None:
        if settings.n8n_webhook_url is None:
            raise ValueError("N8N_WEBHOOK_URL is not set: there is nobody to publish through")
        self._url = settings.n8n_webhook_url
        self._auth = settings.n8n_webhook_auth_header
        self._read_seconds = settings.n8n_timeout_seconds
        self._connect_seconds = min(CONNECT_SECONDS, settings.n8n_timeout_seconds)
        self._clock = clock

    @cached_property
    def _connections(self) -> Connections:
        from app.adapters.connections import Connections  # requests is 0.2 s of a cold start; `warm` pays it ahead

        return Connections()

    def send(self, submission: Submission) -> Reply:
        """Send once. Never raises; what cannot be told from outside is `unknown`."""
        sent_at = self._clock.now()
        try:
            request = self._request(submission)
            connections = self._connections
        except Exception as error:  # a URL or header that no request can have: nothing left this machine
            return Reply("not_sent", sent_at, error=self._text(error, submission))
        sent_at = self._clock.now()
        try:
            response = self._exchange(connections, request)
        except Exception as error:
            from app.adapters.connections import nothing_was_sent

            text = self._text(error, submission)
            return Reply("not_sent" if nothing_was_sent(error) else "unknown", sent_at, error=text)
        return self._answered(response, submission, sent_at)

    def warm(self) -> None:
        """Open a connection ahead of the instant, unless a fresh one is idle. A failure shows again when sending."""
        try:
            self._connections.warm(self._prepare("POST", self._url), self._connect_seconds, self.tls_verify)
        except Exception as error:
            emit("publisher.not_warm", error=self._text(error))

    def check(self) -> str | None:
        """Any HTTP answer below 500 from the host will do; no webhook is called."""
        parts = urlsplit(self._url)
        try:
            request = self._prepare("GET", f"{parts.scheme}://{parts.netloc}/healthz")
            with self._exchange(self._connections, request, CONNECT_SECONDS) as response:
                status = response.status_code
        except Exception as error:
            problem = f"n8n at {parts.hostname} cannot be reached ({self._text(error)})"
            return f"{problem}: check N8N_WEBHOOK_URL and the network"
        return None if status < 500 else f"n8n at {parts.hostname} answers {status}: look at its own log"

    def _request(self, submission: Submission) -> PreparedRequest:
        headers = {"Content-Type": "application/json"}
        if self._auth is not None:
            name, _, value = self._auth.partition(":")
            headers[name.strip()] = value.strip()
        text = json.dumps(payload(submission), ensure_ascii=False, separators=(",", ":"))
        return self._prepare("POST", self._url, headers, text.encode("utf-8", "replace"))

    def _prepare(
        self, method: str, url: str, headers: dict[str, str] | None = None, data: bytes | None = None
    ) -> PreparedRequest:
        from requests import Request

        return Request(
            method, url, headers={"User-Agent": f"Punctual/{VERSION}"} | (headers or {}), data=data
        ).prepare()

    def _exchange(self, connections: Connections, request: PreparedRequest, seconds: float | None = None) -> Response:
        read_seconds = min(seconds or self._read_seconds, self._read_seconds)
        timeout = (self._connect_seconds, read_seconds)
        return connections.send(request, stream=True, timeout=timeout, verify=self.tls_verify)

    def _answered(self, response: Response, submission: Submission, sent_at: datetime) -> Reply:
        """The status is known, so the outcome is; a body that breaks off or drips does not change it."""
        error = ""
        body = bytearray()
        with response:
            try:
                while len(body) < MAX_BODY_BYTES and (chunk := response.raw.read1(MAX_BODY_BYTES - len(body))):
                    body += chunk
            except Exception as broken:
                error = self._text(broken, submission)
        text = self._masked(body.decode("utf-8", "replace"), submission)
        retry_after = response.headers.get("Retry-After")
        return Reply("answered", sent_at, response.status_code, retry_after, text, error)

    def _text(self, error: BaseException, submission: Submission | None = None) -> str:
        from app.adapters.connections import explain

        return self._masked(explain(error), submission)[:MAX_ERROR_TEXT]

    def _masked(self, text: str, submission: Submission | None) -> str:
        """`text` without what must not be kept. A workflow may well echo its input, token included."""
        words = (self._auth or "").partition(":")[2].split()
        for secret in [submission.access_token, *words] if submission else words:
            for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
                text = text.replace(form, MASK) if len(form) >= SHORTEST_SECRET else text
        return text


def payload(submission: Submission) -> dict[str, object]:
    """The fields that n8n's workflow has always had, then the newer ones that an old workflow ignores."""
    return {
        "postId": submission.post_id,
        "userId": submission.user_id,
        "accessToken": submission.access_token,
        "personUrn": submission.person_urn,
        "content": submission.content,
        "imageUrl": submission.image_url,
        "platform": submission.platform,
        "postType": submission.post_type,
        "media": list(submission.media),
        "scheduledAt": to_wire(submission.scheduled_at),
        "attempt": submission.attempt,
        "idempotencyKey": submission.idempotency_key,
        "callbackUrl": submission.callback_url,
        "claimUrl": submission.claim_url,
    }
