"""Helpers for the contract tests: a destination with a record of its requests, and the stand-in as a process."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import requests
from qstash import QStash

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0  # seconds. Ends a hanging test and does not measure speed.
GRAIN = 0.001  # the server counts whole milliseconds
# The public credentials of local development, the same for the vendor's dev server and for the stand-in.
TOKEN = "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0="

T = TypeVar("T")


def eventually(what: str, condition: Callable[[], T], seconds: float = DEADLINE) -> T:
    """Return the first truthy answer of `condition`.

    Fails after the deadline and names `what` it waited for.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.01)
    return answer


@dataclass(frozen=True)
class Delivery:
    """One request at the destination."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def retried(self) -> int:
        return int(self.headers["upstash-retried"])

    @property
    def message_id(self) -> str:
        return self.headers["upstash-message-id"]


@dataclass(frozen=True)
class Answer:
    """The destination's answer to one request, sent after `until` is set."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    until: threading.Event | None = None


class Inbox:
    """One path of the destination, with its requests in order. Answers with `script` first, then with `always`."""

    def __init__(self, origin: str, path: str) -> None:
        self.url = origin + path
        self.path = path
        self.script: list[Answer] = []
        self.always = Answer()
        self.most_at_once = 0
        self._at_once = 0
        self._deliveries: list[Delivery] = []
        self._changed = threading.Condition()

    def wait(self, count: int = 1, seconds: float = DEADLINE) -> list[Delivery]:
        with self._changed:
            came = self._changed.wait_for(lambda: len(self._deliveries) >= count, seconds)
            assert came, f"{len(self._deliveries)} of {count} deliveries came to {self.path} within {seconds:g} s"
            return list(self._deliveries)

    def wait_open(self, count: int) -> None:
        """Wait until `count` requests are unanswered at the same time."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._at_once >= count, DEADLINE), f"{self._at_once} of {count} open"

    @property
    def deliveries(self) -> list[Delivery]:
        with self._changed:
            return list(self._deliveries)

    def receive(self, delivery: Delivery) -> Answer:
        with self._changed:
            self._deliveries.append(delivery)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            answer = self.script.pop(0) if self.script else self.always
            self._changed.notify_all()
        if answer.until is not None:
            answer.until.wait(DEADLINE)
        with self._changed:
            self._at_once -= 1
            self._changed.notify_all()
        return answer


class Destination:
    """A small HTTP server on the loopback with any number of inboxes."""

    def __init__(self) -> None:
        self._inboxes: dict[str, Inbox] = {}
        self._server = _Server(("127.0.0.1", 0), _handler(self._inboxes))
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.origin = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def inbox(self, tail: str = "") -> Inbox:
        path = f"/{uuid.uuid4().hex}{tail}"
        inbox = Inbox(self.origin, path)
        self._inboxes[path.partition("?")[0]] = inbox
        return inbox

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(DEADLINE)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: these tests break connections on purpose."""


def _handler(inboxes: dict[str, Inbox]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            at = time.time()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            inbox = inboxes.get(self.path.partition("?")[0])
            delivery = Delivery(self.command, self.path, headers, body, at)
            answer = inbox.receive(delivery) if inbox else Answer(404)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        def log_message(self, *args: Any) -> None:
            """Silent."""

    return Handler


class Api:
    """The service under test, called with the SDK's client and with plain HTTP."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.sdk = QStash(token, retry=False, base_url=url)
        self._session = requests.Session()
        self._session.trust_env = False

    def call(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> requests.Response:
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return self._session.request(method, self.url + path, headers=sent, timeout=DEADLINE, **options)

    def publish(self, url: str, body: bytes | str = b"{}", **headers: str) -> requests.Response:
        """Publish a message. `Not_Before="…"` is sent as `Upstash-Not-Before`."""
        named = {f"Upstash-{name.replace('_', '-')}": value for name, value in headers.items()}
        return self.call("POST", f"/v2/publish/{url}", headers=named, data=body)

    def publish_id(self, url: str, body: bytes | str = b"{}", **headers: str) -> str:
        answer = self.publish(url, body, **headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["messageId"])

    def states(self, message_id: str) -> list[str]:
        """Return the states of a message, oldest first."""
        events = self.call("GET", "/v2/events", params={"messageId": message_id}).json()["events"]
        return [event["state"] for event in reversed(events)]

    def wait_state(self, message_id: str, state: str) -> list[str]:
        eventually(f"{message_id} to be {state}", lambda: state in self.states(message_id))
        return self.states(message_id)

    def dead(self, message_id: str) -> dict[str, Any]:
        """Wait for the message's dead letter and return it."""
        params = {"messageId": message_id}
        found = eventually("a dead letter", lambda: self.call("GET", "/v2/dlq", params=params).json()["messages"])
        assert len(found) == 1
        return dict(found[0])

    def close(self) -> None:
        self._session.close()
        self.sdk.http._client.close()


class StandIn:
    """`python -m app.local.qstash` as a process. It can be killed and restarted on the same port."""

    def __init__(self, data: Path, *options: str, **environment: str) -> None:
        self.data = data
        self._options = options
        self._environment = environment
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self.start()
        self.api = Api(self.url, environment.get("QSTASH_TOKEN", TOKEN))

    def start(self) -> None:
        """Start the process and wait for its first line. The line contains the port."""
        self._process = spawn(self.data, *self._options, port=self._port, **self._environment)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert "listening on http://" in line, f"the stand-in did not start: {line!r}"
        self.url = line.partition("listening on ")[2].partition(",")[0]
        self._port = int(self.url.rpartition(":")[2])

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        return self._end(signal.SIGKILL)

    def close(self) -> None:
        self.stop()
        self.api.close()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def control(self, method: str, name: str, body: Any = None) -> Any:
        answer = self.api.call(method, f"/_local/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pending(self) -> list[str]:
        return [message["messageId"] for message in self.control("GET", "messages")["messages"]]

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        process.communicate(timeout=DEADLINE)
        return process.returncode


def spawn(data: Path, *options: str, port: int, **environment: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("QSTASH_")}
    return subprocess.Popen(
        [sys.executable, "-m", "app.local.qstash", "--port", str(port), "--data", str(data), *options],
        cwd=ROOT,
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def next_second(at_least: float = 0.3) -> int:
    """Return the next whole second at least `at_least` seconds from now.

    `at_least` must exceed the time of the calls that have to precede the instant.
    """
    return int(time.time() + at_least) + 1
