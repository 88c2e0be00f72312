"""SIGTERM and SIGHUP under the app's server: waiting deliveries come back elsewhere, nearer ones are finished."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from app.local.ports import HOST
from app.local.stop_signal import StopSignal
from tests.adapters.servers import HttpServer, http_server, ok
from tests.local.support import wait_for
from tests.support.app_stack import AppStack, StackOptions
from tests.web.site import signature

LEAD_SECONDS = 30.0  # the longest that the settings allow
RELOAD_SECONDS = 22.0  # a worker loads the app within this on a busy machine. The waiting delivery is due 8 s later
TIMEOUT_SECONDS = 60.0
LET_GO = (503, "1", "stopping")
RESET = 0  # the kernel had accepted the connection for the ending worker, which never saw it: docs/deploying.md


@pytest.fixture
def n8n() -> Iterator[HttpServer]:
    with http_server() as server:
        server.answer = ok
        yield server


@pytest.fixture
def stack(tmp_path: Path, sqlite_url: str, n8n: HttpServer) -> Iterator[AppStack]:
    overrides = {"DISPATCH_LEAD_SECONDS": f"{LEAD_SECONDS:g}", "N8N_WEBHOOK_URL": f"{n8n.url}/webhook/publish"}
    options = StackOptions(sqlite_url, workers=1, threads=8, reload_seconds=RELOAD_SECONDS, overrides=overrides)
    made = AppStack(tmp_path, options, StopSignal())
    made.start("app")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def token(stack: AppStack) -> str:
    token = stack.token("ann")
    account = {"platform": "linkedin", "personUrn": "urn:li:person:1", "accountName": "Ann", "accessToken": "t"}
    headers = {"Authorization": f"Bearer {token}"}
    created = requests.post(f"{stack.url}/api/social-accounts", json=account, headers=headers, timeout=TIMEOUT_SECONDS)
    assert created.status_code == 201, created.text
    return token


def status_of_new_connection(stack: AppStack) -> int:
    """Ask for /healthz on a new connection. Return the status, or RESET.

    Raises: AssertionError with the server's log where the port is closed.
    """
    try:
        opened = socket.create_connection((HOST, stack.ports.app), timeout=TIMEOUT_SECONDS)
    except ConnectionRefusedError:
        raise AssertionError(f"The port is closed. The server's log:\n{stack.log('app')}") from None
    with opened as connection:
        try:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            line = connection.makefile("rb").readline()
            return int(line.split()[1]) if line else RESET
        except (ConnectionResetError, BrokenPipeError):
            return RESET


def scheduled(stack: AppStack, token: str, at: datetime) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    body = {"content": f"Due at {at.isoformat()}", "platform": "linkedin"}
    draft = requests.post(f"{stack.url}/api/posts", json=body, headers=headers, timeout=TIMEOUT_SECONDS).json()
    address = f"{stack.url}/api/posts/{draft['id']}/schedule"
    answer = requests.post(address, json={"scheduledAt": at.isoformat()}, headers=headers, timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200, answer.text
    return {"postId": draft["id"], "userId": draft["userId"], "generation": 1}


def deliver(stack: AppStack, message: dict[str, Any]) -> requests.Response:
    """Deliver the message as QStash does."""
    body, path = json.dumps(message).encode(), "/api/posts/dispatch"
    key = stack.settings["QSTASH_CURRENT_SIGNING_KEY"]
    signed = signature(stack.settings["PUBLIC_BASE_URL"] + path, body, datetime.now(UTC), key)
    headers = {"Upstash-Signature": signed, "Content-Type": "application/json"}
    headers |= {"X-Internal-Secret": stack.settings.get("INTERNAL_API_SECRET", "")}
    return requests.post(stack.url + path, data=body, headers=headers, timeout=TIMEOUT_SECONDS)


def is_let_go(answer: requests.Response) -> bool:
    return (answer.status_code, answer.headers.get("Retry-After"), answer.json().get("code")) == LET_GO


def test_sigterm_lets_go_of_a_waiting_delivery_and_sends_the_nearer_one(stack: AppStack, token: str, n8n: HttpServer):
    now = datetime.now(UTC)
    near, far = (scheduled(stack, token, now + timedelta(seconds=seconds)) for seconds in (6, 11))
    with ThreadPoolExecutor(2) as pool:
        kept: Future[requests.Response] = pool.submit(deliver, stack, near)
        gone: Future[requests.Response] = pool.submit(deliver, stack, far)
        wait_for("the instant of the first post", lambda: datetime.now(UTC) > now + timedelta(seconds=5.3))
        assert not gone.done()
        began = time.monotonic()
        os.kill(stack.pid("app"), signal.SIGTERM)
        answer = gone.result(TIMEOUT_SECONDS)
        assert time.monotonic() - began < 3
        assert is_let_go(answer), answer.text
        assert kept.result(TIMEOUT_SECONDS).json() == {"status": "dispatched"}
    assert len(n8n.seen) == 1
    assert stack.wait("app") == 0  # a second SIGTERM could meet the end of the interpreter
    stack.start("app")
    assert deliver(stack, far).json() == {"status": "dispatched"}
    assert len(n8n.seen) == 2


def test_reload_moves_a_waiting_delivery_to_the_new_worker_and_closes_no_port(
    stack: AppStack, token: str, n8n: HttpServer
):
    [old] = stack.workers("app")
    post = scheduled(stack, token, datetime.now(UTC) + timedelta(seconds=LEAD_SECONDS))
    with ThreadPoolExecutor(1) as pool:
        waiting: Future[requests.Response] = pool.submit(deliver, stack, post)
        os.kill(stack.pid("app"), signal.SIGHUP)
        statuses = set()
        while not waiting.done() or old in stack.workers("app"):  # each request opens a connection: the port is open
            statuses.add(status_of_new_connection(stack))
        assert statuses - {RESET} == {200}
        answer = waiting.result(TIMEOUT_SECONDS)
    assert is_let_go(answer), answer.text
    [new] = stack.workers("app")
    assert new != old
    assert deliver(stack, post).json() == {"status": "dispatched"}
    assert len(n8n.seen) == 1


def test_second_server_on_the_port_takes_over_before_the_first_stops(stack: AppStack, token: str, n8n: HttpServer):
    first = stack.pid("app")
    post = scheduled(stack, token, datetime.now(UTC) + timedelta(seconds=8))
    stack.launch_beside("app", "second")
    wait_for("the second server", lambda: "Started worker" in stack.log("second"))
    os.kill(first, signal.SIGTERM)
    statuses = set()
    while stack.missing() != ["app"]:  # each request opens a connection: the port is open
        statuses.add(status_of_new_connection(stack))
    assert statuses - {RESET} == {200}
    assert deliver(stack, post).json() == {"status": "dispatched"}
    assert len(n8n.seen) == 1
