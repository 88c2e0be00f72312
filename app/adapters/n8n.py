"""Send posts to n8n.

Invariant: one send is one HTTP request, and its Reply claims no more than is certain: `not_sent` means that n8n
received nothing, `unknown` that it may have the request.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from app.adapters.network_errors import describe_root_cause, is_configuration_error
from app.domain.ports import Clock, Reply, Submission
from app.domain.times import to_wire
from app.domain.turns import paused
from app.log import emit
from app.settings.values import Settings
from app.version import VERSION

if TYPE_CHECKING:
    from app.adapters.n8n_connections import Answer, N8nConnections

CONNECT_SECONDS = 5.0
MAX_BODY_BYTES = 64 * 1024
MAX_ERROR_TEXT = 300
MASK = "***"
USER_AGENT = f"Punctual/{VERSION}"
MIN_SECRET_LENGTH = 4  # masking shorter ones would hide ordinary words


class N8nPublisher:
    """An implementation of ports.Publisher with a connection pool, safe for many threads."""

    tls_verify: bool | str = True  # True: certifi's certificates. A path: a PEM file of others.

    def __init__(self, settings: Settings, clock: Clock, url: str | None = None) -> None:
        """Publish through `url`, by default the first of N8N_WEBHOOK_URL."""
        if not settings.n8n_webhook_urls:
            raise ValueError("N8N_WEBHOOK_URL is not set: there is no n8n to publish through")
        self._url = url or settings.n8n_webhook_urls[0]
        self._auth = settings.n8n_webhook_auth_header
        self._headers = {"User-Agent": USER_AGENT, "Content-Type": "application/json"}
        if self._auth is not None:
            name, _, value = self._auth.partition(":")
            self._headers[name.strip()] = value.strip()
        self._read_seconds = settings.n8n_timeout_seconds
        self._connect_seconds = min(CONNECT_SECONDS, settings.n8n_timeout_seconds)
        self._clock = clock

    @cached_property
    def _connections(self) -> N8nConnections:
        from app.adapters.n8n_connections import N8nConnections  # urllib3 is 0.1 s of a cold start. `warm` pays it.

        return N8nConnections(self._url, self.tls_verify)

    def send(self, submission: Submission) -> Reply:
        """Send the post once. Never raises: a lost answer is a Reply of the kind `unknown`."""
        try:
            body = json.dumps(payload(submission), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            headers = self._headers | {"Content-Length": str(len(body))}
            request = self._connections.prepare("POST", None, headers, self._connect_seconds)
        except Exception as error:
            text = self._error_text(error, submission)
            return Reply("not_sent", self._clock.now(), error=text, misconfigured=is_configuration_error(error))
        sent_at = self._clock.now()
        try:
            answer = request.send(body, self._read_seconds, MAX_BODY_BYTES)
        except Exception as error:
            return Reply("unknown", sent_at, error=self._error_text(error, submission))
        return self._reply(answer, submission, sent_at)

    def warm(self, count: int = 1) -> None:
        """Open connections ahead of a send, until `count` are idle. A failure is logged only."""
        try:
            with paused():
                self._connections.warm(self._connect_seconds, count)
        except Exception as error:
            emit("publisher.not_warm", error=self._error_text(error))

    def check(self) -> str | None:
        """Call n8n's /healthz, and no webhook.

        Returns a sentence for operators, None if the status is below 500.
        """
        host = urlsplit(self._url).hostname
        try:
            request = self._connections.prepare("GET", "/healthz", {"User-Agent": USER_AGENT}, self._connect_seconds)
            status = request.send(b"", min(CONNECT_SECONDS, self._read_seconds), MAX_BODY_BYTES).status
        except Exception as error:
            problem = f"n8n at {host} cannot be reached ({self._error_text(error)})"
            return f"{problem}: check N8N_WEBHOOK_URL and the network"
        return None if status < 500 else f"n8n at {host} answers {status}: look at its own log"

    def _reply(self, answer: Answer, submission: Submission, sent_at: datetime) -> Reply:
        """Convert an answer. A status decides the outcome, even if the body is incomplete."""
        error = self._error_text(answer.error, submission) if answer.error is not None else ""
        text = self._masked(answer.body.decode("utf-8", "replace"), submission)
        retry_after = ", ".join(answer.headers.get_all("Retry-After", [])) or None
        return Reply("answered", sent_at, answer.status, retry_after, text, error)

    def _error_text(self, error: BaseException, submission: Submission | None = None) -> str:
        return self._masked(describe_root_cause(error), submission)[:MAX_ERROR_TEXT]

    def _masked(self, text: str, submission: Submission | None) -> str:
        """Replace secrets in `text`. A workflow can echo its input, token included."""
        secrets = (self._auth or "").partition(":")[2].split()
        if submission:
            secrets += [submission.access_token, (submission.callback_url or "").partition("?token=")[2]]
        for secret in secrets:
            for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
                text = text.replace(form, MASK) if len(form) >= MIN_SECRET_LENGTH else text
        return text


def payload(submission: Submission) -> dict[str, object]:
    """Build the JSON body: the workflow's original fields, then newer ones. Old workflows ignore those."""
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
