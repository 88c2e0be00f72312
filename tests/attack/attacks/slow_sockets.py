"""Sockets that stand still: nothing more is sent, or no answer is read, until the window ends."""

import contextlib
import socket
import time
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from tests.attack.attacks.attack import Attack
from tests.attack.target import Target, Window

SOCKETS = 40
PAGE_POSTS = 3  # of 100,000 characters: more than the kernel keeps for a client that does not read
HOST = "Host: punctual.example\r\n"


class HeldSockets(Attack):
    """Forty sockets, each with one of `starts`."""

    kind = "slow"
    receive_bytes: ClassVar[int | None] = None
    pause: ClassVar[float] = 0.0  # seconds from socket to socket

    @abstractmethod
    def starts(self, target: Target) -> Sequence[str]:
        """Build the first bytes of the sockets, sent in turn."""

    def run(self, target: Target, window: Window) -> None:
        starts = [start.encode() for start in self.starts(target)]
        with contextlib.ExitStack() as held:
            for number in range(SOCKETS):
                try:
                    opened = held.enter_context(target.socket(self.receive_bytes))
                    opened.sendall(starts[number % len(starts)])
                    self.after_start(opened)
                except OSError:
                    target.tally.add("cut off")
                else:
                    target.tally.add("held")
                time.sleep(self.pause)
            time.sleep(max(0.0, window.end - time.time()))

    def after_start(self, opened: socket.socket) -> None:
        """Do something between the start and the standstill."""


class OpenAfterClose(HeldSockets):
    name = "left open after Connection: close"

    def starts(self, target: Target) -> Sequence[str]:
        return [f"GET /healthz HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"]

    def after_start(self, opened: socket.socket) -> None:
        opened.recv(65_536)


class HalfHeads(HeldSockets):
    name = "half request lines and headers"

    def starts(self, target: Target) -> Sequence[str]:
        line = "POST /api/posts/dispatch HTTP/1.1\r\n"
        return ["", "P", "POST /api/po", line, f"{line}{HOST}Upstash-Sig", f"{line}{HOST}X-Long: {'x' * 4_000}"]


class MissingBodies(HeldSockets):
    name = "bodies that never come"

    def starts(self, target: Target) -> Sequence[str]:
        token = target.user_headers()["Authorization"]
        user = f"POST /api/posts HTTP/1.1\r\n{HOST}Authorization: {token}\r\nContent-Type: application/json\r\n"
        machine = f"POST /api/posts/dispatch HTTP/1.1\r\n{HOST}Content-Type: application/json\r\n"
        chunked = "Transfer-Encoding: chunked\r\n\r\n"
        return [
            f"{user}Content-Length: 5000\r\n\r\n",
            f'{user}Content-Length: 900000\r\n\r\n{{"content": "',
            f"{user}\r\n",
            f"{user}Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
            f"{user}{chunked}",
            f'{user}{chunked}c\r\n{{"content": "',
            f"{machine}Content-Length: 5000\r\n\r\n",
            f"{machine}{chunked}ffff\r\n{{",
        ]


class UnreadAnswers(HeldSockets):
    name = "answers never read"
    receive_bytes = 1_024
    pause = 0.05  # forty pages at one moment would be a flood

    def prepare(self, target: Target) -> None:
        for _ in range(PAGE_POSTS):
            target.draft("x" * 100_000)

    def starts(self, target: Target) -> Sequence[str]:
        token = target.user_headers()["Authorization"]
        pages = f"GET /api/posts?limit=200 HTTP/1.1\r\n{HOST}Authorization: {token}\r\n\r\n" * 20
        return [pages, f"GET /openapi.json HTTP/1.1\r\n{HOST}\r\n" * 50]
