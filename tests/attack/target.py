"""The attacked app as its attackers see it: an address, tokens of users, and connections that count their answers."""

import http.client
import itertools
import json
import math
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import jwt

TOKEN_SECONDS = 3600
ANSWER_SECONDS = 5.0  # an attacker waits no longer for an answer
#: The attackers' own address, so that limits for an address do not stop the message service. Linux has all of 127/8.
SOURCE = ("127.0.0.2", 0) if sys.platform == "linux" else None
LAST_ANSWER_SECONDS = 0.25  # and no longer after the end of the attack


@dataclass(frozen=True)
class Window:
    """The time of one attack, in unix seconds."""

    start: float
    end: float

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


class Tally:
    """What an attack has done, by kind: sockets held, answers by status. Shared by threads."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, kind: str, count: int = 1) -> None:
        with self._lock:
            self._counts[kind] += count

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._counts.items()))


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Target:
    """The app under one attack. `user` is the attacker's name, `settings` are the app's."""

    def __init__(self, url: str, settings: Mapping[str, str], user: str) -> None:
        self.url = url
        self.settings = settings
        self.user = user
        self.tally = Tally()
        parts = urlsplit(url)
        self.host, self.port = str(parts.hostname), int(parts.port or 80)

    def user_headers(self, user: str | None = None) -> dict[str, str]:
        token = token_for(self.settings["AUTH_JWT_SECRET"], user or self.user)
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def socket(self, receive_bytes: int | None = None) -> socket.socket:
        """Open a connection. `receive_bytes` keeps the kernel from taking an answer that is not read."""
        opened = socket.socket()
        if receive_bytes is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        if SOURCE is not None:
            opened.bind(SOURCE)
        opened.settimeout(ANSWER_SECONDS)
        opened.connect((self.host, self.port))
        return opened

    def connect_account(self) -> None:
        """Give the attacker an account: only then can a post be scheduled."""
        body = {"platform": "linkedin", "personUrn": f"urn:li:person:{self.user}", "accessToken": "attack-token"}
        self.ask("POST", "/api/social-accounts", {**body, "accountName": "Attacker"})

    def draft(self, text: str) -> str | None:
        """Create a draft of the attacker and return its id, None where that is refused."""
        made = self.ask("POST", "/api/posts", {"content": text})
        return str(made["id"]) if made else None

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Make one call as the attacker, before the attack. Returns the answer's JSON, None for a refusal."""
        connection = Connection(self)
        try:
            raw = None if body is None else json.dumps(body).encode()
            status, text = connection.call(Request(method, path, raw, self.user_headers()))
        finally:
            connection.close()
        return json.loads(text) if 200 <= status < 300 and text else None


class Connection:
    """One kept connection. A call that fails is counted, and the next call connects again.

    No call waits longer than ANSWER_SECONDS, and none much longer than until `end`, a unix second.
    """

    def __init__(self, target: Target, end: float | None = None) -> None:
        self._target = target
        self._end = end
        self._client = http.client.HTTPConnection(target.host, target.port, ANSWER_SECONDS, SOURCE)

    def call(self, request: Request) -> tuple[int, bytes]:
        """Return status and body, (0, b"") without an answer."""
        if self._end is not None:
            self._client.timeout = min(ANSWER_SECONDS, max(self._end - time.time(), 0.0) + LAST_ANSWER_SECONDS)
        try:
            if self._client.sock is None:
                self._client.connect()
            self._client.sock.settimeout(self._client.timeout)
            self._client.request(request.method, request.path, request.body, dict(request.headers))
            answer = self._client.getresponse()
            text = answer.read()
        except TimeoutError:
            self._client.close()
            self._target.tally.add("no answer in time")
            return 0, b""
        except (OSError, http.client.HTTPException):
            self._client.close()
            self._target.tally.add("cut off")
            return 0, b""
        self._target.tally.add(str(answer.status))
        return answer.status, text

    def close(self) -> None:
        self._client.close()


def flood(
    target: Target, requests: Sequence[Request], end: float, threads: int, most: int, per_second: float = math.inf
) -> None:
    """Send the requests in turn from several connections, until `end` or until `most` are sent."""
    numbers, began = itertools.count(), time.time()

    def send() -> None:
        connection = Connection(target, end)
        while time.time() < end and (number := next(numbers)) < most:
            time.sleep(max(0.0, min(began + number / per_second, end) - time.time()))
            connection.call(requests[number % len(requests)])
        connection.close()

    in_threads(send, threads)


def in_threads(work: Any, threads: int) -> None:
    running = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def token_for(secret: str, user: str) -> str:
    now = int(time.time())
    return jwt.encode({"sub": user, "iat": now, "exp": now + TOKEN_SECONDS}, secret, algorithm="HS256")
