"""Strikes the processes down at the planned instants, one after the other, and brings them back."""

import contextlib
import heapq
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg2

from app.local.client import Client
from app.local.errors import StackError
from app.local.stop_signal import StopSign
from tests.chaos.author_pool import Authors
from tests.chaos.evidence import select
from tests.chaos.plan import Draft, Fault, Plan, Strike
from tests.chaos.stack import House

IN_FLIGHT = 8
SCHEDULING_SECONDS = 2.5  # for all of them to be scheduled before they are due, together
ARRIVING_SECONDS = 15.0
START_SECONDS = 60.0
SWEEP_SECONDS = 3.0
LOOK_AGAIN = 0.2
PROCESS = {Fault.APP: "app", Fault.TERM: "app", Fault.QSTASH: "qstash", Fault.N8N: "n8n"}


@dataclass
class Happening:
    """A fault as it came to pass; `ended` is when all was up again."""

    fault: Fault
    began: float
    ended: float = 0.0
    note: str = ""


@dataclass
class InFlight:
    """The posts whose send was under way when SIGTERM came, by attempt."""

    posts: list[str] = field(default_factory=list)
    exit_code: int | None = None


class Troubles:
    def __init__(self, house: House, authors: Authors, plan: Plan, origin: float, stop: StopSign) -> None:
        self._house = house
        self._authors = authors
        self._plan = plan
        self._stop = stop
        self._chance = random.Random(plan.seed)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._down: list[Happening] = []
        self.happenings: list[Happening] = []
        self.in_flight = InFlight()
        for strike in plan.strikes:
            self._at(origin + strike.at, self._beginning(strike))

    def run(self) -> None:
        """Returns when the last fault is over and everything is up again."""
        while self._due:
            instant, _, act = heapq.heappop(self._due)
            self._stop.pause(max(0.0, instant - time.time()))
            act()

    def _at(self, instant: float, act: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._due, (instant, self._serial, act))

    def _beginning(self, strike: Strike) -> Callable[[], None]:
        def begin() -> None:
            if strike.fault is Fault.TERM and self._down:  # who is in flight must be able to finish
                self._at(time.time() + LOOK_AGAIN, begin)
                return
            if self._plan.spares_sweeps and strike.fault in (Fault.APP, Fault.WORKER, Fault.DATABASE):
                self._wait_for_sweep()
            happening = Happening(strike.fault, time.time())
            self.happenings.append(happening)
            self._down.append(happening)
            self._strike(happening)
            self._at(time.time() + strike.seconds, lambda: self._recover(happening))

        return begin

    def _strike(self, happening: Happening) -> None:
        match happening.fault:
            case Fault.DATABASE:
                self._house.database.stop("immediate")
            case Fault.WORKER:
                happening.note = self._kill_a_worker()
            case Fault.TERM:
                self._terminate(happening)
            case fault:
                self._house.kill(PROCESS[fault])

    def _recover(self, happening: Happening) -> None:
        if happening.fault is Fault.DATABASE:
            self._house.database.start()
        elif happening.fault is not Fault.WORKER:
            self._house.launch(PROCESS[happening.fault])
        give_up = time.monotonic() + START_SECONDS
        self._at(time.time(), lambda: self._look(happening, give_up))

    def _look(self, happening: Happening, give_up: float) -> None:
        """Until it answers. That may take until another fault is over: without its database, the app is not well."""
        name = PROCESS.get(happening.fault, "app")
        if self._house.answers(name):
            happening.ended = time.time()
            self._down.remove(happening)
        elif time.monotonic() > give_up and self._down == [happening]:
            raise StackError(f"{name} does not come up.\n{self._house.last_words(name)}")
        else:
            self._at(time.time() + LOOK_AGAIN, lambda: self._look(happening, give_up))

    def _wait_for_sweep(self) -> None:
        """Until no sweep is under way: one that is cut off keeps the others out for more than a minute."""
        give_up = time.monotonic() + SWEEP_SECONDS
        while time.monotonic() < give_up:
            with contextlib.suppress(psycopg2.Error):
                if not select(self._house.database.url, "SELECT 1 FROM leases"):
                    return
            self._stop.pause()

    def _kill_a_worker(self) -> str:
        workers = self._house.workers("app")
        if not workers:
            return "none found"
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._chance.choice(sorted(workers)), signal.SIGKILL)
        return ""

    def _terminate(self, happening: Happening) -> None:
        """SIGTERM while n8n takes its time over some sends; they must be finished and written down."""
        seconds = 0.7 * self._house.n8n_timeout
        drafts = [
            Draft("in flight", f"Chaos in flight {n} at {time.time()} [n8n:slow={seconds:g}]", 0.0)
            for n in range(IN_FLIGHT)
        ]
        stories = self._authors.write(drafts)
        together = time.time() + SCHEDULING_SECONDS
        for story, draft in zip(stories, drafts, strict=True):
            self._authors.schedule(story, draft, together)
        posts = [story.post_id for story in stories]
        self._wait_for_arrivals(posts, seconds)
        happening.began = time.time()
        self.in_flight.exit_code = self._house.terminate("app")
        arrived = self._arrivals(posts)
        at = happening.began
        self.in_flight.posts = [post for post, since in arrived.items() if at - seconds + 0.1 < since < at]
        happening.note = f"{len(self.in_flight.posts)} sends in flight, gone after {time.time() - at:.1f} s"

    def _wait_for_arrivals(self, posts: list[str], seconds: float) -> None:
        """Until all have arrived, or the first of them is about to be answered."""
        give_up = time.monotonic() + ARRIVING_SECONDS
        while time.monotonic() < give_up:
            arrived = self._arrivals(posts)
            if arrived and (len(arrived) == len(posts) or time.time() - min(arrived.values()) > seconds / 2):
                return
            self._stop.pause()

    def _arrivals(self, posts: list[str]) -> dict[str, float]:
        n8n = Client(self._house.ports.url("n8n"))
        try:
            found = {post: n8n.get("/_local/ledger", postId=post) for post in posts}
        finally:
            n8n.close()
        return {post: entries[-1]["receivedAtMs"] / 1000 for post, entries in found.items() if entries}
