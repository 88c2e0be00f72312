"""The sender threads: they send claimed deliveries to n8n, with extra threads while n8n is slow.

Invariant: a delivery leaves the queue once, so it is sent once.
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress

from app.delivery.gate.settler import Settler
from app.delivery.send import send
from app.deps import Deps
from app.domain.delivery import ReadyDelivery
from app.domain.outcomes import Outcome

SHORT_NAP_SECONDS = 0.002
STALLED_AFTER_SECONDS = 0.25  # without one finished send: a slow n8n holds all senders, so more are started
MAX_EXTRA_SENDERS = 256


class Senders:
    """A queue of claimed deliveries. `count` threads call `send_next` for ever."""

    def __init__(self, count: int, settler: Settler) -> None:
        self.count = count
        self._settler = settler
        self._queue: queue.SimpleQueue[ReadyDelivery] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._extra = 0
        self._sending: set[ReadyDelivery] = set()
        self._finished_at = 0.0  # when a send last finished, on the monotonic clock

    @property
    def backlog(self) -> int:
        """The number of claimed deliveries without a sender yet."""
        return self._queue.qsize()

    def put(self, delivery: ReadyDelivery) -> None:
        """Queue one claimed delivery."""
        self._queue.put(delivery)

    def send_next(self, deps: Deps) -> None:
        """Wait for a claimed delivery and send it."""
        self._send(deps, self._queue.get())

    def add_if_stalled(self, deps: Deps) -> None:
        """Double the senders while all of them are held up. The extra ones end when the queue is empty.

        One thread calls this: the claiming one.
        """
        all_send = len(self._sending) >= self.count + self._extra
        stalled = all_send and time.monotonic() - self._finished_at > STALLED_AFTER_SECONDS
        if not stalled or self._queue.empty() or self._extra >= MAX_EXTRA_SENDERS:
            return
        more = min(self.count + self._extra, MAX_EXTRA_SENDERS - self._extra)
        self._finished_at = time.monotonic()  # the new senders get the same time before more are added
        for _ in range(more):
            threading.Thread(target=self._send_until_idle, args=(deps,), name="gate_extra_sender", daemon=True).start()
            with self._lock:
                self._extra += 1

    def _send_until_idle(self, deps: Deps) -> None:
        with suppress(queue.Empty):
            while True:
                self._send(deps, self._queue.get(timeout=STALLED_AFTER_SECONDS))
        with self._lock:
            self._extra -= 1

    def _send(self, deps: Deps, delivery: ReadyDelivery) -> None:
        self._sending.add(delivery)
        try:
            send(deps, delivery)
        except Exception as error:
            delivery.future.set_exception(error)
            return
        finally:
            self._sending.discard(delivery)
            self._finished_at = time.monotonic()
        if delivery.verdict is not None and delivery.verdict.outcome is Outcome.ACCEPTED:
            self._settler.put(delivery)
        else:
            delivery.future.set_result(None)  # its caller settles it
