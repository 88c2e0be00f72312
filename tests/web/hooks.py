"""A receiver of webhooks, and the steps of the tests about them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook
from werkzeug.test import TestResponse

from tests.adapters.servers import HttpServer, Seen, http_server
from tests.web.site import MessageServer, Site, User, json_of

DELIVER = "/api/webhooks/deliver"
POST_EVENTS = ["post.scheduled", "post.unscheduled", "post.published", "post.failed", "post.outcome_unknown"]


@dataclass
class Receiver:
    """An owner's server. `status` is its answer."""

    server: HttpServer
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)

    def answer(self, _seen: Seen) -> tuple[int, dict[str, str], bytes]:
        return self.status, self.headers, b""

    @property
    def url(self) -> str:
        return f"{self.server.url}/hook"

    def types(self) -> list[str]:
        return [seen.json()["type"] for seen in self.server.seen]

    def verified(self, secret: str) -> list[dict[str, Any]]:
        return [Webhook(secret).verify(seen.body, seen.headers) for seen in self.server.seen]


@contextmanager
def receiver() -> Iterator[Receiver]:
    with http_server() as server:
        made = Receiver(server)
        server.answer = made.answer
        yield made


def endpoint(user: User, url: str, events: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    body = {"url": url, "events": events or POST_EVENTS} | fields
    return json_of(user.post("/api/webhook-endpoints", json=body), 201)


def published_events(qstash: MessageServer) -> list[str]:
    """Return the ids of the events in the messages that QStash took."""
    batches = [seen.json() for seen in qstash.server.seen if seen.path == "/v2/batch"]
    messages = [message for batch in batches for message in batch if message["destination"].endswith(DELIVER)]
    return [json.loads(message["body"])["eventId"] for message in messages]


def deliver(site: Site, event_id: str, **claims: Any) -> TestResponse:
    """Deliver an event's message as QStash does."""
    return site.signed(DELIVER, json.dumps({"eventId": event_id}).encode(), **claims)


def deliver_all(site: Site, qstash: MessageServer) -> list[int]:
    """Deliver every message of an event once. Return the answers' statuses."""
    ids = published_events(qstash)
    qstash.server.seen.clear()
    return [deliver(site, event_id).status_code for event_id in ids]


def true_time(site: Site) -> dt.datetime:
    """Set the test's clock to the true time, as the receivers' library compares it."""
    site.clock.at = dt.datetime.now(dt.UTC)
    return site.clock.at


Answer = Callable[[Seen], tuple[int, dict[str, str], bytes]]
