"""What all systems that are a library have in common: the process that makes the calls, and perhaps one that works."""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence

from app.local import environment
from app.local.child_processes import Spec
from tests.bench.ledger import Post
from tests.bench.peers import Peer
from tests.bench.systems.system import Ground
from tests.support.process_group import Household


class PackagedSystem(ABC):
    """A room names itself and says what its two processes are called with. Where it has no worker of its own, the
    process that makes the calls is also the one that dispatches, and is killed in its place."""

    name = ""
    note = ""
    works = frozenset({"quiet", "burst", "calls", "crash"})
    pace = 0.01
    module = ""
    has_worker = False
    needs_redis = False

    def __init__(self, ground: Ground) -> None:
        ground.folder.mkdir(parents=True)
        self._ground = ground
        self._house = Household(ground.folder, ground.stop)
        self._peer: Peer | None = None
        self._made = 0
        self._arguments = self.arguments(ground)

    @abstractmethod
    def arguments(self, ground: Ground) -> list[str]:
        """What both processes are told."""

    def open(self) -> None:
        self.prepare()
        if self.has_worker:
            command = [sys.executable, "-m", self.module, "work", *self._arguments]
            self._house.takes_in([Spec("worker", command, environment.base(os.environ, alone=True))])
            self._house.start("worker")
        self._peer = self._called()

    def prepare(self) -> None:  # noqa: B027 # most need nothing
        """Whatever must be there before either process starts."""

    def new_keys(self, count: int) -> list[str]:
        self._made += count
        return [f"{self.name}-{number}" for number in range(self._made - count, self._made)]

    def schedule(self, posts: Sequence[Post], threads: int) -> float:
        assert self._peer is not None
        return self._peer.ask("schedule", posts, threads)

    def unschedule(self, posts: Sequence[Post], threads: int) -> float:
        assert self._peer is not None
        return self._peer.ask("unschedule", posts, threads)

    def kill(self) -> None:
        if self.has_worker:
            self._house.kill("worker")
        elif self._peer is not None:
            self._peer.kill()

    def restart(self) -> None:
        if self.has_worker:
            self._house.start("worker")
        else:
            self._peer = self._called()

    def undecided(self, keys: Sequence[str]) -> set[str]:
        return set()  # none of them says so

    def close(self) -> None:
        if self._peer is not None:
            self._peer.close()
        self._house.close()

    def _called(self) -> Peer:
        return Peer(self.module, ["call", *self._arguments], self._ground.folder / "calls.log")
