"""Runs a library in its own process, controlled by JSON lines over stdin and stdout.

Its scheduling calls are made and timed inside that process, as its documentation shows.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from app.local.child_processes import die_with_parent
from app.local.errors import StackError
from tests.bench.calls import make_calls
from tests.bench.ledger import Post

ROOT = Path(__file__).resolve().parents[2]
END_SECONDS = 5.0


class Library(Protocol):
    """The scheduling calls of a library, inside its process."""

    def schedule(self, key: str, due: float) -> None: ...

    def unschedule(self, key: str) -> None: ...


def listen(library: Library, lines: IO[str] = sys.stdin, out: IO[str] = sys.stdout) -> None:
    """Serve requests in the peer process until its input ends."""
    calls: dict[str, Callable[[Any], None]] = {
        "schedule": lambda post: library.schedule(post[0], post[1]),
        "unschedule": lambda post: library.unschedule(post[0]),
    }
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in lines:
        request = json.loads(line)
        try:
            _, seconds = make_calls(calls[request["call"]], request["posts"], request["threads"])
            answer: dict[str, Any] = {"seconds": seconds}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=out, flush=True)


class Peer:
    """The peer process as seen by the bench."""

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        self._module = module
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent(os.getpid()),
        )
        self._read()

    def ask(self, call: str, posts: Sequence[Post], threads: int) -> float:
        """Make the call for each post and return the total seconds.

        Raises: StackError when the peer reports an error or has ended.
        """
        assert self._process.stdin is not None
        request = {"call": call, "posts": [[post.key, post.due] for post in posts], "threads": threads}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return float(self._read()["seconds"])

    def kill(self) -> None:
        """Kill its whole process group with SIGKILL."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close_streams()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._close_streams()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"the process has ended, see {self._log.name}"}
        if "error" in answer:
            raise StackError(f"{self._module}: {answer['error']}")
        return dict(answer)

    def _close_streams(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None and not stream.closed:
                stream.close()
