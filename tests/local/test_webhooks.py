"""Webhooks in the local stack: the app's server, the QStash stand-in, and an owner's receiver."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from standardwebhooks import Webhook

from app.local.stop_signal import StopSignal
from tests.adapters.servers import http_server
from tests.local.support import wait_for
from tests.support.app_stack import AppStack, StackOptions

TIMEOUT_SECONDS = 60.0


@pytest.fixture
def stack(tmp_path: Path, sqlite_url: str) -> Iterator[AppStack]:
    made = AppStack(tmp_path, StackOptions(sqlite_url, workers=1, threads=8), StopSignal())
    try:
        made.start("qstash")
        made.start("app")
        yield made
    finally:
        made.close()


def test_scheduled_post_reaches_the_receiver_through_the_stand_in(stack: AppStack):
    headers = {"Authorization": f"Bearer {stack.token('ann')}"}

    def post(path: str, **body: object) -> dict[str, str]:
        answer = requests.post(f"{stack.url}{path}", json=body, headers=headers, timeout=TIMEOUT_SECONDS)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    with http_server() as receiver:
        secret = post("/api/webhook-endpoints", url=f"{receiver.url}/hook", events=["post.scheduled"])["secret"]
        account = {"platform": "linkedin", "personUrn": "urn:li:person:1", "accountName": "Ann", "accessToken": "t"}
        post("/api/social-accounts", **account)
        draft = post("/api/posts", content="Hello")
        at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        post(f"/api/posts/{draft['id']}/schedule", scheduledAt=at)
        wait_for("the event", lambda: receiver.seen, TIMEOUT_SECONDS)
        (seen,) = receiver.seen
    event = Webhook(secret).verify(seen.body, seen.headers)
    assert (event["type"], event["data"]["postId"]) == ("post.scheduled", draft["id"])
