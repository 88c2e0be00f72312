"""Deliver a due message and settle it: delivered, retried later, or moved to the dead letter queue.

Invariant: at-least-once delivery. A message is deleted from disk after its outcome is known, so a crash repeats it.
"""

import asyncio
import base64
import json
from typing import Any

from .background_tasks import BackgroundTasks
from .faults import Faults
from .flow_control import FlowLimiter
from .headers import Callback
from .http_delivery import HttpDelivery, Outcome
from .message import Message, grouped, new_id
from .outbox import Outbox
from .plan import Plan
from .request_log import RequestLog
from .retry_policy import next_retry_ms
from .storage import Storage
from .timers import wall_ms

# A delivery's timeout starts when it gets a connection, so a burst does not time out in its own queue. The app holds
# deliveries open until their instant. With fewer connections, some deliveries of a burst would not reach it in time.
MAX_CONNECTIONS = 4096


class Deliveries:
    """The running deliveries: one task each, also while a delivery waits for a connection."""

    def __init__(
        self,
        outbox: Outbox,
        storage: Storage,
        http: HttpDelivery,
        plan: Plan,
        retry_unit: float,
        tasks: BackgroundTasks,
        log: RequestLog,
        faults: Faults,
    ) -> None:
        self._outbox = outbox
        self._storage = storage
        self._http = http
        self._plan = plan
        self._retry_unit = retry_unit
        self._log = log
        self._faults = faults
        self._flow_limiter = FlowLimiter()
        self._connections = asyncio.Semaphore(MAX_CONNECTIONS)
        self._tasks = tasks

    def start(self, message: Message) -> None:
        self._tasks.start(self._deliver(message))

    async def _deliver(self, message: Message) -> None:
        if not message.retried and (delay := self._faults.delay()) > 0:
            await asyncio.sleep(delay)
        async with self._flow_limiter.slot(message.instructions.flow), self._connections:
            # The message may have been cancelled while it waited.
            if not self._outbox.holds(message):
                return
            started, reset_count = wall_ms(), self._outbox.reset_count
            self._storage.add_event(started, "ACTIVE", message)
            outcome = await self._http.send(message)
        if reset_count != self._outbox.reset_count:
            return  # a reset deleted everything meanwhile, and no event of this message may come after it
        self._log.delivery(message, outcome, started)
        self._settle(message, outcome, wall_ms())

    def _settle(self, message: Message, outcome: Outcome, now_ms: int) -> None:
        held = self._outbox.holds(message)
        if outcome.delivered:
            self._event(now_ms, "DELIVERED", message, outcome)
            if held:
                self._outbox.remove(message)
                self._report(message.instructions.callback, message, outcome, now_ms)
            return
        self._event(now_ms, "ERROR", message, outcome)
        # If the message was cancelled in flight, record the failure but do not retry.
        if held:
            self._settle_failure(message, outcome, now_ms)

    def _settle_failure(self, message: Message, outcome: Outcome, now_ms: int) -> None:
        self._report(message.instructions.callback, message, outcome, now_ms)
        retry_at = next_retry_ms(message, outcome, now_ms, self._retry_unit)
        if retry_at is not None:
            self._storage.add_event(now_ms, "RETRY", message, next_at=retry_at)
            self._outbox.postpone(message, retry_at)
            return
        dlq_id = new_id("dlq")
        self._event(now_ms, "FAILED", message, outcome)
        self._outbox.remove(message)
        self._storage.insert_dead_letter(
            dlq_id, now_ms, message, outcome.status, outcome.headers, _response_body(outcome)
        )
        self._report(message.instructions.failure_callback, message, outcome, now_ms, {"dlqId": dlq_id})

    def _event(self, now_ms: int, state: str, message: Message, outcome: Outcome) -> None:
        body = None if outcome.delivered else outcome.body
        status = outcome.status or None
        self._storage.add_event(now_ms, state, message, status=status, response_body=body, error=_error_text(outcome))

    def _report(
        self,
        callback: Callback | None,
        message: Message,
        outcome: Outcome,
        now_ms: int,
        extra: dict[str, str] | None = None,
    ) -> None:
        if callback is None:
            return
        body = json.dumps({**_report_body(message, outcome), **(extra or {})}).encode()
        report = Message(
            id=new_id("msg"),
            url=callback.url,
            body=body,
            headers=callback.headers,
            created_at=now_ms,
            not_before=now_ms,
            next_at=now_ms,
            max_retries=0,
            caller_ip=message.caller_ip,
        )
        if report.instructions.retries is None:  # a report has the retries of its message, unless it has its own
            report.max_retries = message.max_retries
        else:
            report.max_retries = report.instructions.retries
        report.next_at = report.not_before = report.instructions.due_ms(now_ms)
        self._outbox.add(report)
        self._outbox.arm([report])


def _error_text(outcome: Outcome) -> str | None:
    if outcome.delivered:
        return None
    return outcome.error or f"destination answered {outcome.status}"


def _response_body(outcome: Outcome) -> bytes:
    return outcome.body or (outcome.error or "").encode()


def _report_body(message: Message, outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "header": outcome.headers,
        "body": base64.b64encode(_response_body(outcome)).decode(),
        "retried": message.retried,
        "maxRetries": message.max_retries,
        "sourceMessageId": message.id,
        "url": message.url,
        "method": message.instructions.method,
        "sourceHeader": grouped(message.instructions.forward),
        "sourceBody": base64.b64encode(message.body).decode(),
        "notBefore": str(message.not_before),
        "createdAt": str(message.created_at),
    }
