"""n8n: one send is one HTTP request, and its Reply says exactly how much is known about what came of it."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from app.domain.ports import Clock, Reply, Submission
from app.domain.times import to_wire
from app.log import emit
from app.settings.values import Settings
from app.version import VERSION

if TYPE_CHECKING:
    from app.adapters.n8n_connections import Answer, Exchanges

CONNECT_SECONDS = 5.0
MAX_BODY_BYTES = 64 * 1024
MAX_ERROR_TEXT = 300
MASK = "***"
USER_AGENT = f"Punctual/{VERSION}"
SHORTEST_SECRET = 4  # below, masking would blot out ordinary words


class N8nPublisher:
    """ports.Publisher. Many threads share one; its pool keeps their connections."""

    tls_verify: bool | str = True  # against certifi's list; or the path of another

    def __init__(self, settings: Settings, clock: Clock) -> None:
        if settings.n8n_webhook_url is None:
            raise ValueError("N8N_WEBHOOK_URL is not set: there is nobody to publish through")
        self._url = settings.n8n_webhook_url
        self._auth = settings.n8n_webhook_auth_header
        self._headers = {"User-Agent": USER_AGENT, "Content-Type": "application/json"}
        if self._auth is not None:
            name, _, value = self._auth.partition(":")
            self._headers[name.strip()] = value.strip()
        self._read_seconds = settings.n8n_timeout_seconds
        self._connect_seconds = min(CONNECT_SECONDS, settings.n8n_timeout_seconds)
        self._clock = clock

    @cached_property
    def _exchanges(self) -> Exchanges:
        from app.adapters.n8n_connections import Exchanges

        return Exchanges(self._url, self.tls_verify)

    def send(self, submission: Submission) -> Reply:
        """Send once. Never raises; what cannot be told from outside is `unknown`."""
        try:
            body = json.dumps(payload(submission), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            headers = self._headers | {"Content-Length": str(len(body))}
            exchange = self._exchanges.open("POST", None, headers, self._connect_seconds)
        except Exception as error:
            return Reply("not_sent", self._clock.now(), error=self._text(error, submission))
        sent_at = self._clock.now()
        try:
            answer = exchange.finish(body, self._read_seconds, MAX_BODY_BYTES)
        except Exception as error:
            return Reply("unknown", sent_at, error=self._text(error, submission))
        return self._answered(answer, submission, sent_at)

    def warm(self, count: int = 1) -> None:
        """Open connections ahead of the instant, as far as no fresh ones are idle. A failure shows when sending."""
        try:
            self._exchanges.warm(self._connect_seconds, count)
        except Exception as error:
            emit("publisher.not_warm", error=self._text(error))

    def check(self) -> str | None:
        """Any HTTP answer below 500 from the host will do; no webhook is called."""
        host = urlsplit(self._url).hostname
        try:
            exchange = self._exchanges.open("GET", "/healthz", {"User-Agent": USER_AGENT}, self._connect_seconds)
            status = exchange.finish(b"", min(CONNECT_SECONDS, self._read_seconds), MAX_BODY_BYTES).status
        except Exception as error:
            problem = f"n8n at {host} cannot be reached ({self._text(error)})"
            return f"{problem}: check N8N_WEBHOOK_URL and the network"
        return None if status < 500 else f"n8n at {host} answers {status}: look at its own log"

    def _answered(self, answer: Answer, submission: Submission, sent_at: datetime) -> Reply:
        """The status is known, so the outcome is; a body that breaks off or drips does not change it."""
        error = self._text(answer.broken, submission) if answer.broken is not None else ""
        text = self._masked(answer.body.decode("utf-8", "replace"), submission)
        retry_after = ", ".join(answer.headers.get_all("Retry-After", [])) or None
        return Reply("answered", sent_at, answer.status, retry_after, text, error)

    def _text(self, error: BaseException, submission: Submission | None = None) -> str:
        from app.adapters.n8n_connections import explain

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
