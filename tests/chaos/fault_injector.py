"""Injects the planned faults at their instants and restarts the processes afterwards."""

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
from app.local.stop_signal import StopSignal
from tests.chaos.author_pool import AuthorPool
from tests.chaos.database_faults import DatabaseFaults
from tests.chaos.evidence import select
from tests.chaos.plan import Draft, Fault, Plan, PlannedFault
from tests.chaos.stack import ChaosStack

IN_FLIGHT = 8
SCHEDULING_SECONDS = 2.5  # enough to schedule all of them before their common due instant
ARRIVING_SECONDS = 15.0
START_SECONDS = 60.0
SWEEP_SECONDS = 3.0
POLL_SECONDS = 0.2
NEEDING_OTHERS = (Fault.TERM, Fault.READ_ONLY, Fault.LOCK, Fault.CUT)
PROCESS = {Fault.APP: "app", Fault.TERM: "app", Fault.QSTASH: "qstash", Fault.N8N: "n8n"}


@dataclass
class FaultRecord:
    """An injected fault. `ended` is the instant at which its process was ready again."""

    fault: Fault
    began: float
    ended: float = 0.0
    note: str = ""


@dataclass
class InFlight:
    """The posts with a send in flight at SIGTERM, and the app's exit code."""

    posts: list[str] = field(default_factory=list)
    exit_code: int | None = None


class FaultInjector:
    def __init__(self, stack: ChaosStack, authors: AuthorPool, plan: Plan, origin: float, stop: StopSignal) -> None:
        self._stack = stack
        self._authors = authors
        self._plan = plan
        self._stop = stop
        self._chance = random.Random(plan.seed)
        self._database_faults = DatabaseFaults(stack.database.url)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._down: list[FaultRecord] = []
        self.fault_records: list[FaultRecord] = []
        self.in_flight = InFlight()
        for planned in plan.faults:
            self._at(origin + planned.at, self._beginning(planned))

    def run(self) -> None:
        """Inject all faults and wait until every process is ready again."""
        try:
            while self._due:
                instant, _, act = heapq.heappop(self._due)
                self._stop.pause(max(0.0, instant - time.time()))
                act()
        finally:
            self._database_faults.unlock()

    def _at(self, instant: float, act: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._due, (instant, self._serial, act))

    def _beginning(self, planned: PlannedFault) -> Callable[[], None]:
        def begin() -> None:
            if self._must_wait(planned.fault):
                self._at(time.time() + POLL_SECONDS, begin)
                return
            if self._plan.waits_for_sweeps and planned.fault in (Fault.APP, Fault.WORKER, Fault.DATABASE):
                self._wait_for_sweep()
            record = FaultRecord(planned.fault, time.time())
            self.fault_records.append(record)
            self._down.append(record)
            self._inject(record)
            self._at(time.time() + planned.seconds, lambda: self._recover(record))

        return begin

    def _must_wait(self, fault: Fault) -> bool:
        """Sends in flight must be able to finish. A fault inside the database begins and ends in a running one."""
        read_only = any(record.fault is Fault.READ_ONLY for record in self._down)
        return bool(self._down) if fault in NEEDING_OTHERS else fault is Fault.DATABASE and read_only

    def _inject(self, record: FaultRecord) -> None:
        match record.fault:
            case Fault.DATABASE:
                self._stack.database.stop("immediate")
            case Fault.READ_ONLY:
                record.note = self._database_faults.make_read_only()
            case Fault.LOCK:
                record.note = self._database_faults.lock_a_post()
            case Fault.CUT:
                record.note = self._database_faults.cut_connections()
            case Fault.WORKER:
                record.note = self._kill_a_worker()
            case Fault.TERM:
                self._terminate(record)
            case fault:
                self._stack.kill(PROCESS[fault])

    def _recover(self, record: FaultRecord) -> None:
        match record.fault:
            case Fault.DATABASE:
                self._stack.database.start()
            case Fault.READ_ONLY:
                self._database_faults.make_writable()
            case Fault.LOCK:
                self._database_faults.unlock()
            case Fault.WORKER | Fault.CUT:
                pass
            case fault:
                self._stack.launch(PROCESS[fault])
        deadline = time.monotonic() + START_SECONDS
        self._at(time.time(), lambda: self._check_ready(record, deadline))

    def _check_ready(self, record: FaultRecord, deadline: float) -> None:
        """Poll until the process is ready.

        Another fault may delay this: the app is not ready without its database.

        Raises: StackError when it is the only one down and START_SECONDS have passed.
        """
        name = PROCESS.get(record.fault, "app")
        if self._stack.answers(name):
            record.ended = time.time()
            self._down.remove(record)
        elif time.monotonic() > deadline and self._down == [record]:
            raise StackError(f"{name} did not start.\n{self._stack.log_tail(name)}")
        else:
            self._at(time.time() + POLL_SECONDS, lambda: self._check_ready(record, deadline))

    def _wait_for_sweep(self) -> None:
        """Wait until no sweep runs: a killed one keeps its lease for more than a minute."""
        deadline = time.monotonic() + SWEEP_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg2.Error):
                if not select(self._stack.database.url, "SELECT 1 FROM leases"):
                    return
            self._stop.pause()

    def _kill_a_worker(self) -> str:
        workers = self._stack.workers("app")
        if not workers:
            return "none found"
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._chance.choice(sorted(workers)), signal.SIGKILL)
        return ""

    def _terminate(self, record: FaultRecord) -> None:
        """Send SIGTERM while n8n answers slowly. The app must finish and record the sends in flight."""
        seconds = 0.7 * self._stack.n8n_timeout
        drafts = [
            Draft("in flight", f"Chaos in flight {n} at {time.time()} [n8n:slow={seconds:g}]", 0.0)
            for n in range(IN_FLIGHT)
        ]
        authored_posts = self._authors.write(drafts)
        due = time.time() + SCHEDULING_SECONDS
        for post, draft in zip(authored_posts, drafts, strict=True):
            self._authors.schedule(post, draft, due)
        posts = [post.post_id for post in authored_posts]
        self._wait_for_arrivals(posts, seconds)
        record.began = time.time()
        self.in_flight.exit_code = self._stack.terminate("app")
        arrived = self._arrivals(posts)
        at = record.began
        self.in_flight.posts = [post for post, since in arrived.items() if at - seconds + 0.1 < since < at]
        record.note = f"{len(self.in_flight.posts)} sends in flight, exited after {time.time() - at:.1f} s"

    def _wait_for_arrivals(self, posts: list[str], seconds: float) -> None:
        """Wait until all posts have arrived, or the first is about to be answered."""
        deadline = time.monotonic() + ARRIVING_SECONDS
        while time.monotonic() < deadline:
            arrived = self._arrivals(posts)
            if arrived and (len(arrived) == len(posts) or time.time() - min(arrived.values()) > seconds / 2):
                return
            self._stop.pause()

    def _arrivals(self, posts: list[str]) -> dict[str, float]:
        n8n = Client(self._stack.ports.url("n8n"))
        try:
            found = {post: n8n.get("/_local/ledger", postId=post) for post in posts}
        finally:
            n8n.close()
        return {post: entries[-1]["receivedAtMs"] / 1000 for post, entries in found.items() if entries}
