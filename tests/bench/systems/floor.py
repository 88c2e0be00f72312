"""The floor: bare threads that sleep to the instant and post. Nothing is kept, nothing is durable, nothing is cheaper
while it is Python with requests.

`python -m tests.bench.systems.floor WEBHOOK THREADS` is its process.
"""

import heapq
import sys
import threading
import time
from collections.abc import Sequence

from tests.bench.ledger import Post
from tests.bench.peers import Peer, listen
from tests.bench.sending import send, session
from tests.bench.systems.system import Ground, made_up_keys

THREADS = 32


class Threads:
    """Each takes the next post and sleeps until its instant."""

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
        session().get(self._webhook)  # a connection, ahead of the first instant
        while True:
            with self._changed:
                while not self._posts:
                    self._changed.wait()
                due, key = heapq.heappop(self._posts)
            while (left := due - time.time()) > 0:
                time.sleep(left)
            send(self._webhook, key)


class Floor:
    name = "floor"
    works = frozenset({"quiet", "burst"})
    pace = 0.0005

    def __init__(self, ground: Ground) -> None:
        ground.folder.mkdir(parents=True)
        self._ground = ground
        self._peer: Peer
        self._made = 0
        self.note = f"{THREADS} bare threads, not durable"

    def open(self) -> None:
        arguments = (self._ground.webhook, str(THREADS))
        self._peer = Peer("tests.bench.systems.floor", arguments, self._ground.folder / "floor.log")

    def new_keys(self, count: int) -> list[str]:
        self._made += count
        return made_up_keys(self.name, count, self._made)

    def schedule(self, posts: Sequence[Post], threads: int) -> float:
        return self._peer.ask("schedule", posts, threads)

    def unschedule(self, posts: Sequence[Post], threads: int) -> float:
        return self._peer.ask("unschedule", posts, threads)

    def kill(self) -> None:
        self._peer.kill()

    def restart(self) -> None:
        self.open()

    def undecided(self, keys: Sequence[str]) -> set[str]:
        return set()

    def close(self) -> None:
        self._peer.close()


if __name__ == "__main__":
    listen(Threads(sys.argv[1], int(sys.argv[2])))
