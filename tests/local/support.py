"""Helpers for the tests of the local stack: processes, an HTTP server in Punctual's place, and waiting."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 60.0  # ends a hanging test and does not measure speed

T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T], seconds: float = DEADLINE_SECONDS) -> T:
    """Return the first truthy answer of `condition`.

    Fails after the deadline and names `what` it waited for.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.02)
    return answer


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", **changes}


@dataclass
class Program:
    """A running `python -m …`. Its first line of output contains its URL."""

    process: subprocess.Popen[str]
    url: str = ""

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(DEADLINE_SECONDS)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code


def spawn(*args: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *args],
        cwd=ROOT,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(*args: str, **env: str) -> Iterator[Program]:
    """Start a stand-in on a free port, and stop it afterwards."""
    program = Program(spawn(*args, **env))
    try:
        assert program.process.stdout is not None
        line = program.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"{args[0]} did not start: {line!r}"
        program.url = found.group()
        yield program
    finally:
        program.stop()


@dataclass
class Call:
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float = field(default_factory=time.time)


class Receiver:
    """An HTTP server that records its requests and answers with the next of `statuses`, else 200."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.statuses: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def of(self, post_id: str) -> list[Any]:
        return [call.body for call in self.calls if isinstance(call.body, dict) and call.body.get("postId") == post_id]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(DEADLINE_SECONDS)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._take()

            def do_POST(self) -> None:
                self._take()

            def _take(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = json.loads(raw) if raw else None
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.calls.append(Call(self.command, self.path, dict(self.headers), body))
                answer = b'{"received":true}'
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
