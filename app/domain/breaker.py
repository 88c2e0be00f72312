"""The state of the circuit breaker in front of n8n."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

#: Refusals weigh this many time-outs. A slow n8n that works answers nothing in time, and its reports come later.
TIMEOUTS_PER_REFUSAL = 2


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failures` counts refusals, `timeouts` counts unknown outcomes, each since the last success.

    `opened_at` is None while closed. `probe_at` is the instant of the next single try.
    """

    failures: int = 0
    opened_at: datetime | None = None
    probe_at: datetime | None = None
    timeouts: int = 0
