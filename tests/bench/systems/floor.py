"""The lower bound: bare threads that sleep until the instant and post.

Nothing is stored or durable. No Python program with requests can do less.
"""

import heapq
import sys
import threading
import time

from tests.bench.peers import listen
from tests.bench.send_job import send, session
from tests.bench.systems.packaged_system import LibrarySystem
from tests.bench.systems.system import SystemContext

THREADS = 32


class Threads:
    """Threads that each take the next post and sleep until its instant."""

    def __init__(self, webhook: str, threads: int) -> None:
        self._webhook = webhook
        self._posts: list[tuple[float, str]] = []
        self._changed = threading.Condition()
        for _ in range(threads):
            threading.Thread(target=self._work, daemon=True).start()

    def schedule(self, key: str, due: float) -> None:
        with self._changed:
            heapq.heappush(self._posts, (due, key))
            self._changed.notify()

    def unschedule(self, key: str) -> None:
        with self._changed:
            self._posts = [post for post in self._posts if post[1] != key]
            heapq.heapify(self._posts)

    def _work(self) -> None:
        session().get(self._webhook)  # open the connection before the first instant
        while True:
            with self._changed:
                while not self._posts:
                    self._changed.wait()
                due, key = heapq.heappop(self._posts)
            while (left := due - time.time()) > 0:
                time.sleep(left)
            send(self._webhook, key)


class Floor(LibrarySystem):
    name = "floor"
    note = f"{THREADS} bare threads with requests, not durable"
    workloads = frozenset({"quiet", "burst"})
    pace = 0.0005
    module = "tests.bench.systems.floor"

    def arguments(self, context: SystemContext) -> list[str]:
        return [context.webhook]


if __name__ == "__main__":
    listen(Threads(sys.argv[2], THREADS))
