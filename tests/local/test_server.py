"""The app's server against slow clients: they wait in its event loop, and the threads stay free for the others.

Invariant: every test first fills more connections than the worker has threads, then asks for an answer.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from app.local.ports import HOST
from app.local.stop_signal import StopSignal
from app.serve import MAX_CONNECTIONS, SPARE_THREADS, _parser, default_workers, granian_command
from app.settings.values import Settings
from app.web.turnstile import MAX_HERE, MAX_OF_USER
from tests.local.support import ROOT, wait_for
from tests.support.app_stack import AppStack, StackOptions

THREADS = 32
CONNECTIONS = 2 * THREADS
TIMEOUT_SECONDS = 30.0
HEAD = "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
UNFINISHED = HEAD + "Content-Length: 900\r\n{more}\r\n{{"
CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n{more}\r\nc\r\n{{"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppStack]:
    state: Path = tmp_path_factory.mktemp("server")
    made = AppStack(state, StackOptions(f"sqlite:///{state / 'app.sqlite3'}", workers=1, threads=THREADS), StopSignal())
    made.migrate()
    made.start("app")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def connections(stack: AppStack) -> Iterator[list[socket.socket]]:
    """More connections than threads. They are open until the test ends."""
    with ExitStack() as opened:
        address = (HOST, stack.ports.app)
        made = [socket.create_connection(address, timeout=TIMEOUT_SECONDS) for _ in range(CONNECTIONS)]
        for each in made:
            opened.enter_context(each)
        yield made


def is_up(stack: AppStack) -> bool:
    return requests.get(f"{stack.url}/healthz", timeout=TIMEOUT_SECONDS).status_code == 200


def status(connection: socket.socket) -> int:
    """Return the status of the answer on this connection."""
    return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("sent", ["", "GET /healthz HT", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_unfinished_headers_hold_no_thread(stack: AppStack, connections: list[socket.socket], sent: str):
    for each in connections:
        each.sendall(sent.encode())
    assert is_up(stack)


def test_connections_left_open_after_connection_close_hold_no_thread(stack: AppStack, connections: list[socket.socket]):
    for each in connections:
        each.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert status(each) == 200
    assert is_up(stack)


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/api/posts", ""),
        ("/api/posts", "Authorization: Bearer a.b.c\r\n"),
        ("/api/posts/dispatch", "Upstash-Signature: a.b.c\r\n"),
        ("/api/webhooks/publish-status", "X-Callback-Secret: wrong\r\n"),
    ],
)
def test_stranger_is_answered_401_before_the_body_comes(
    stack: AppStack, connections: list[socket.socket], path: str, more: str
):
    for each in connections:
        each.sendall(UNFINISHED.format(path=path, more=more).encode())
    assert {status(each) for each in connections} == {401}
    assert is_up(stack)


@pytest.mark.parametrize("unfinished", [UNFINISHED, CHUNKED])
def test_unfinished_bodies_of_one_user_leave_threads_for_the_others(
    stack: AppStack, connections: list[socket.socket], unfinished: str
):
    mallory, ann = stack.token("mallory"), stack.token("ann")
    request = unfinished.format(path="/api/posts", more=f"Authorization: Bearer {mallory}\r\n").encode()
    for each in connections:
        each.sendall(request)
    refused = threading.Semaphore(0)
    statuses: list[int] = []

    def note(each: socket.socket) -> None:
        with suppress(OSError, IndexError):  # the end of the test closes the connections that were not answered
            statuses.append(status(each))
            refused.release()

    readers = [threading.Thread(target=note, args=(each,), daemon=True) for each in connections]
    for reader in readers:
        reader.start()
    for _ in range(CONNECTIONS - MAX_OF_USER):
        assert refused.acquire(timeout=TIMEOUT_SECONDS)
    assert statuses == [503] * (CONNECTIONS - MAX_OF_USER)
    written = requests.post(
        f"{stack.url}/api/posts",
        json={"content": "x", "platform": "linkedin"},
        headers={"Authorization": f"Bearer {ann}"},
        timeout=TIMEOUT_SECONDS,
    )
    assert written.status_code == 201
    for each in connections:
        each.shutdown(socket.SHUT_RDWR)
    for reader in readers:
        reader.join(TIMEOUT_SECONDS)


def test_answers_that_are_never_read_hold_no_thread(stack: AppStack):
    with ExitStack() as opened:
        for _ in range(CONNECTIONS):
            each = opened.enter_context(socket.socket())
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # the smallest of the system, some kilobytes
            each.connect((HOST, stack.ports.app))
            each.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 8)
        assert is_up(stack)


def test_one_connection_carries_many_requests(stack: AppStack):
    with socket.create_connection((HOST, stack.ports.app), timeout=TIMEOUT_SECONDS) as connection:
        answers = connection.makefile("rb")
        for _ in range(3):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answers.readline().split()[1] == b"200"
            length = 0
            while (line := answers.readline().strip().lower()) != b"":
                length = int(line.split(b":")[1]) if line.startswith(b"content-length") else length
            answers.read(length)


def test_killed_worker_is_replaced(stack: AppStack):
    [worker] = stack.workers("app")
    os.kill(worker, signal.SIGKILL)
    wait_for("another worker", lambda: stack.workers("app") not in ([], [worker]) and stack.answers("app"))
    assert is_up(stack)


def test_bad_settings_end_the_server_before_it_listens(stack: AppStack):
    environment = {**os.environ, "DATABASE_URL": "sqlite:////tmp/x.sqlite3", "MAX_RETRIES": "many"}
    command = [sys.executable, "-m", "app.serve", "--port", str(stack.ports.n8n)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 3
    assert "MAX_RETRIES" in done.stderr
    assert "Traceback" not in done.stderr


def options_of(command: list[str]) -> dict[str, str]:
    return dict(pairwise(command))


def test_command_has_more_threads_than_deliveries_may_wait_and_bodies_may_be_unfinished():
    settings = Settings(database_url="sqlite://", dispatch_max_waiting=512)
    given = options_of(granian_command(_parser().parse_args([]), settings, 65_536))
    assert int(given["--blocking-threads"]) == 512 + SPARE_THREADS
    assert SPARE_THREADS > MAX_HERE
    assert int(given["--backpressure"]) == MAX_CONNECTIONS


def test_command_counts_no_more_connections_than_files():
    given = options_of(granian_command(_parser().parse_args([]), Settings(database_url="sqlite://"), 1_024))
    assert int(given["--backpressure"]) == 512


def test_command_gives_a_send_its_time_to_end():
    settings = Settings(database_url="sqlite://", n8n_timeout_seconds=90)
    given = options_of(granian_command(_parser().parse_args([]), settings, 65_536))
    assert int(given["--workers-kill-timeout"]) > 90


def test_sqlite_has_one_worker():
    assert default_workers("sqlite:////var/lib/punctual.sqlite3") == 1
    assert default_workers("postgresql+psycopg2://db.example/punctual") == os.cpu_count()
