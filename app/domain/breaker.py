"""The state of the circuit breaker in front of n8n."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Breaker:
    """`opened_at` is None while closed. `probe_at` is the instant of the next single try."""

    failures: int = 0
    opened_at: datetime | None = None
    probe_at: datetime | None = None
