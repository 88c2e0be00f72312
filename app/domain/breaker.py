"""The state of the circuit breaker in front of n8n, and when it opens.

Invariant: the failures of one owner open the breaker for that owner alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

#: Refusals weigh this many time-outs. A slow n8n that works answers nothing in time, and its reports come later.
TIMEOUTS_PER_REFUSAL = 2
PUBLISHER = "n8n"  # the name of the first publisher's rows
MAX_OWNERS = 256  # whose failures are kept apart. With so many, all failures count alike


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failures` counts refusals, `timeouts` counts unknown outcomes, each since the last success.

    `opened_at` is None while closed. `probe_at` is the instant of the next single try. `weights` has the weight of each
    owner's failures, by `owner_key`. `index` is the publisher's place in the settings.
    """

    failures: int = 0
    opened_at: datetime | None = None
    probe_at: datetime | None = None
    timeouts: int = 0
    weights: Mapping[str, int] = field(default_factory=dict, compare=False)
    index: int = field(default=0, compare=False)

    @property
    def weight(self) -> int:
        """The weight of all failures since the last success."""
        return self.failures * TIMEOUTS_PER_REFUSAL + self.timeouts

    def is_open_for(self, owner: str, threshold: int) -> bool:
        """Return True if the posts of this owner wait. `threshold` is in refusals."""
        if self.opened_at is None:
            return False
        return not self.weights or has_reached(self.weights, owner, threshold)


def row_name(index: int) -> str:
    """Return the name of the rows of the publisher at this place in the settings."""
    return PUBLISHER if index == 0 else f"{PUBLISHER}-{index + 1}"


def owner_key(owner: str) -> str:
    """Return the owner's key in the breaker's row, which so holds no name."""
    return hashlib.sha256(owner.encode()).hexdigest()[:16]


def add_failure(weights: Mapping[str, int], owner: str, *, timed_out: bool) -> dict[str, int]:
    """Return the weights with one more failure of this owner."""
    key, added = owner_key(owner), 1 if timed_out else TIMEOUTS_PER_REFUSAL
    if key not in weights and len(weights) >= MAX_OWNERS:
        return dict(weights)
    return {**weights, key: weights.get(key, 0) + added}


def has_reached(weights: Mapping[str, int], owner: str, threshold: int) -> bool:
    """Return True if the failures open the breaker for this owner.

    Its own failures do at the threshold. So do those of all owners, where no owner counts for more than half of it: so
    one owner never opens the breaker for another one, and the only user of an installation has a breaker.
    """
    needed = threshold * TIMEOUTS_PER_REFUSAL
    if weights.get(owner_key(owner), 0) >= needed:
        return True
    most = needed if len(weights) >= MAX_OWNERS else min((threshold + 1) // 2 * TIMEOUTS_PER_REFUSAL, needed - 1)
    return sum(min(weight, most) for weight in weights.values()) >= needed
