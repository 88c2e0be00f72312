"""The measures made of attempts: their buckets, and totals that never fall.

Invariant: a total grows by what is new among the rows, and by nothing else. Deleted rows and changed outcomes leave it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.domain.outcomes import Outcome

#: The time beyond two leases after which an attempt is not looked at again. See `settled_after`.
SETTLED_MARGIN = timedelta(minutes=10)
#: Of each kind of attempts: counts, in the order of COLUMNS.
Figures = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Measure:
    """A histogram in seconds. Its upper bounds exclude the last one, which is infinite."""

    name: str
    bounds: tuple[float, ...]

    @property
    def columns(self) -> list[str]:
        """The names of its figures: each bucket alone, then the sum."""
        return [f"{self.name} {number}" for number in range(len(self.bounds) + 1)] + [f"{self.name} sum"]


_QUICK = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
MEASURES = (
    Measure("lateness", (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)),
    Measure("answer", _QUICK),
    Measure("report", (*_QUICK, 120, 300)),
    Measure("alarm_ahead", (0, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 15)),
    Measure("alarm_lateness", (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60)),
)
OUTCOMES = tuple(outcome.value for outcome in Outcome)
COLUMNS: tuple[str, ...] = (
    *(column for measure in MEASURES for column in measure.columns),
    *(f"outcome {outcome}" for outcome in OUTCOMES),
)


def settled_after(lease_seconds: float, n8n_seconds: float) -> timedelta:
    """Return the age from which an attempt's figures no longer change, but by a very late report."""
    return timedelta(seconds=2 * lease_seconds + n8n_seconds) + SETTLED_MARGIN


def grown(totals: Mapping[str, Sequence[float]], seen: Mapping[str, Sequence[float]], now: Figures) -> Figures:
    """Return the totals with all that is in `now` and was not in `seen`."""
    result = {key: list(values) for key, values in totals.items()}
    for key, values in now.items():
        before = seen.get(key) or [0.0] * len(values)
        mine = result.setdefault(key, [0.0] * len(values))
        if len(before) != len(values) or len(mine) != len(values):  # written by a version with other buckets
            result[key] = list(values)
            continue
        result[key] = [total + max(0.0, new - old) for total, new, old in zip(mine, values, before, strict=True)]
    return result
