"""Five identical HTTP requests at once have the effect of one."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests
from werkzeug.serving import make_server

from app.domain.times import to_wire
from app.store.schema.tables import posts
from app.sweep.sweep import poll, sweep
from app.web import build_app
from app.wiring import wire
from tests.adapters.servers import HttpServer, http_server
from tests.support.rows import post_row
from tests.support.threads import errors, run_together
from tests.web.site import settings_for

CLICKS = 5


class PollingApp:
    """The app in poll mode on PostgreSQL, behind a real HTTP server, with the system clock."""

    def __init__(self, database_url: str, n8n: HttpServer) -> None:
        self.services = wire(settings_for(database_url, "http://127.0.0.1:1", n8n.url, qstash_token=None))
        self.deps, self.n8n = self.services.deps, n8n
        self.headers = {"Authorization": f"Bearer {self.services.users.issue('ann')}"}
        self.url = ""
        self.account_id = ""

    @contextmanager
    def open(self) -> Iterator[None]:
        server = make_server("127.0.0.1", 0, build_app(self.services), threaded=True)
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            self.deps.db.close()

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        return requests.post(self.url + path, json=body, headers=self.headers, timeout=20)

    def read(self, post_id: str) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/api/posts/{post_id}", headers=self.headers, timeout=20)
        return dict(answer.json())

    def put(self, status: str, **values: Any) -> str:
        """Insert a post of Ann's that has been tried once and return its id."""
        row = post_row(status, user_id="ann", social_account_id=self.account_id, attempt=0, **values)
        with self.deps.db.transaction() as tx:
            tx.execute(posts.insert().values(row))
        return str(row["id"])

    def reasons(self, post_id: str) -> Counter[str]:
        with self.deps.db.reading() as connection:
            statement = "SELECT reason FROM transitions WHERE post_id = %s"
            return Counter(connection.exec_driver_sql(statement, (post_id,)).scalars())

    def sent(self, post_id: str) -> int:
        return sum(seen.method == "POST" and seen.json()["postId"] == post_id for seen in self.n8n.seen)


@pytest.fixture
def app(postgresql_url: str) -> Iterator[PollingApp]:
    with http_server() as n8n:
        made = PollingApp(postgresql_url, n8n)
        with made.open():
            account = {"platform": "linkedin", "externalId": "urn:li:person:ann", "accountName": "Ann"}
            made.account_id = made.post("/api/social-accounts", account | {"accessToken": "token-1"}).json()["id"]
            yield made


def post_concurrently(app: PollingApp, path: str, body: dict[str, Any]) -> list[requests.Response]:
    answers = run_together([partial(app.post, path, body)] * CLICKS)
    assert errors(answers) == []
    return answers


def codes(answers: list[requests.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def poll_concurrently(app: PollingApp) -> None:
    assert errors(run_together([partial(poll, app.deps)] * 2 + [partial(sweep, app.deps)])) == []


@pytest.mark.parametrize("stuck", [False, True], ids=["failed", "past its lease"])
def test_five_concurrent_retries_add_one_generation_and_one_send(app: PollingApp, stuck: bool):
    post_id = app.put("publishing", lease_until=app.deps.clock.now() - timedelta(seconds=1)) if stuck else ""
    post_id = post_id or app.put("failed")
    answers = post_concurrently(app, "/api/posts/recover", {"postId": post_id, "action": "retry"})
    assert codes(answers) == [200, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"not_recoverable"}
    poll_concurrently(app)
    now = app.read(post_id)
    assert (now["status"], now["generation"], now["attempt"], app.sent(post_id)) == ("publishing", 4, 1, 1)
    assert app.reasons(post_id) == Counter(retried_by_hand=1, claimed=1)


def test_five_concurrent_fails_fail_the_post_once(app: PollingApp):
    post_id = app.put("publishing", lease_until=app.deps.clock.now() - timedelta(seconds=1))
    answers = post_concurrently(app, "/api/posts/recover", {"postId": post_id, "action": "fail"})
    assert codes(answers) == [200] * CLICKS  # every request gets the state it asked for
    now = app.read(post_id)
    assert (now["status"], now["generation"], now["errorCode"]) == ("failed", 4, "failed_by_hand")
    assert app.reasons(post_id) == Counter(failed_by_hand=1)


def test_five_concurrent_publish_now_requests_are_one_send(app: PollingApp):
    post_id = app.post("/api/posts", {"content": "Now."}).json()["id"]
    answers = post_concurrently(app, f"/api/posts/{post_id}/schedule", {"scheduledAt": to_wire(app.deps.clock.now())})
    assert set(codes(answers)) <= {200, 409}
    assert 200 in codes(answers)
    poll_concurrently(app)
    now = app.read(post_id)
    assert (now["status"], now["attempt"], app.sent(post_id)) == ("publishing", 1, 1)
    assert post_concurrently(app, f"/api/posts/{post_id}/schedule", {"scheduledAt": to_wire(app.deps.clock.now())})
    poll_concurrently(app)
    assert app.sent(post_id) == 1
