"""Counts of calls to outside services, of all processes together.

Each process counts in memory and adds its counts to the table every FLUSH_SECONDS, after a call of its own.
Invariant: counting never fails and never delays a call by more than one short statement. A process that dies loses the
counts of its last seconds.
"""

from __future__ import annotations

import threading
import time
from collections import Counter

from sqlalchemy import Connection, select

from app.store.engine import Database, upsert
from app.store.schema.tables import metric_counters

FLUSH_SECONDS = 10.0
_C = metric_counters.c


class CallCounts:
    """The counts of this process. Safe for many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._new: Counter[tuple[str, str]] = Counter()
        self._flushed_at = float("-inf")

    def add(self, name: str, label: str, number: int = 1) -> None:
        """Count calls, and store the counts if they are due. Raises nothing."""
        with self._lock:
            self._new[name, label] += number
            is_due = time.monotonic() - self._flushed_at >= FLUSH_SECONDS
        if is_due:
            self.flush()

    def flush(self) -> None:
        """Add the counts of this process to the table. Raises nothing: without the database they wait."""
        with self._lock:
            taken, self._new = self._new, Counter()
            self._flushed_at = time.monotonic()
        if not taken:
            return
        try:
            with self._db.transaction() as tx:
                for (name, label), number in sorted(taken.items()):
                    key, value = {"name": name, "label": label}, _C.value + number
                    upsert(tx, metric_counters, key, {"value": number}, {"value": value})
        except Exception:  # a call was made, and its caller must not fail for its count
            with self._lock:
                self._new.update(taken)


def read(connection: Connection) -> dict[tuple[str, str], int]:
    """Return the stored counts by name and label."""
    rows = connection.execute(select(_C.name, _C.label, _C.value)).all()
    return {(name, label): value for name, label, value in rows}
