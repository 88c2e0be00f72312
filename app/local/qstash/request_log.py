"""The optional request log: one line per API call and per delivery, with the lateness in milliseconds."""

from .http_delivery import Outcome
from .message import Message
from .timers import wall_ms


class RequestLog:
    """A log on stdout. Does nothing if it is disabled."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled

    def call(self, method: str, target: str, status: int, started_ms: int) -> None:
        if self._enabled:
            print(f"api      {method} {target} -> {status} in {wall_ms() - started_ms} ms", flush=True)

    def delivery(self, message: Message, outcome: Outcome, started_ms: int) -> None:
        if self._enabled:
            result, late = outcome.error or outcome.status, started_ms - message.next_at
            times = f"{late} ms late, took {wall_ms() - started_ms} ms"
            print(f"delivery {message.id} {message.url} retried={message.retried} -> {result}, {times}", flush=True)
