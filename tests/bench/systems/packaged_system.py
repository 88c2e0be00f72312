"""Base of all library systems: one process makes the calls, a second one may be the worker."""

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence

from app.local import environment
from app.local.child_processes import Spec
from tests.bench.ledger import Post
from tests.bench.peers import Peer
from tests.bench.systems.system import SystemContext
from tests.support.process_group import ProcessGroup


class LibrarySystem(ABC):
    """Subclasses set the name and the arguments of both processes.

    Without a separate worker, the calling process also dispatches, and `kill` kills it instead.
    """

    name = ""
    note = ""
    workloads = frozenset({"quiet", "burst", "calls", "bulk", "crash"})
    pace = 0.01
    module = ""
    has_worker = False
    needs_redis = False

    def __init__(self, context: SystemContext) -> None:
        context.folder.mkdir(parents=True)
        self._context = context
        self._processes = ProcessGroup(context.folder, context.stop)
        self._peer: Peer | None = None
        self._created = 0
        self._arguments = self.arguments(context)

    @abstractmethod
    def arguments(self, context: SystemContext) -> list[str]:
        """Return the command-line arguments of both processes."""

    def open(self) -> None:
        self.prepare()
        if self.has_worker:
            command = [sys.executable, "-m", self.module, "work", *self._arguments]
            self._processes.add([Spec("worker", command, environment.base(os.environ, alone=True))])
            self._processes.start("worker")
        self._peer = self._start_peer()

    def prepare(self) -> None:  # noqa: B027 # optional
        """Prepare the state that both processes need, such as a schema."""

    def new_keys(self, count: int) -> list[str]:
        self._created += count
        return [f"{self.name}-{number}" for number in range(self._created - count, self._created)]

    def schedule(self, posts: Sequence[Post], threads: int) -> float:
        assert self._peer is not None
        return self._peer.ask("schedule", posts, threads)

    def schedule_new(self, count: int, due: float) -> float:
        return self.schedule([Post(key, due) for key in self.new_keys(count)], 1)

    def unschedule(self, posts: Sequence[Post], threads: int) -> float:
        assert self._peer is not None
        return self._peer.ask("unschedule", posts, threads)

    def kill(self) -> None:
        if self.has_worker:
            self._processes.kill("worker")
        elif self._peer is not None:
            self._peer.kill()

    def restart(self) -> None:
        if self.has_worker:
            self._processes.start("worker")
        else:
            self._peer = self._start_peer()

    def undecided(self, keys: Sequence[str]) -> set[str]:
        return set()  # no library reports posts in doubt

    def close(self) -> None:
        if self._peer is not None:
            self._peer.close()
        self._processes.close()

    def _start_peer(self) -> Peer:
        return Peer(self.module, ["call", *self._arguments], self._context.folder / "calls.log")
