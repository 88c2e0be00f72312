"""The small rows that the status route shows: the sweeps' figures and lease, the breaker, counts, shares, the pause.

Invariant: one statement reads them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.breaker import Breaker, row_name
from app.domain.lifecycle import FINAL, Status
from app.store.constants import with_constants
from app.store.operations import in_flight
from app.store.operations.counts import NONE_STORED, StoredCount
from app.store.operations.pauses import SENDING, Pause
from app.store.operations.runs import SWEEP, Lease, SweepFigures
from app.store.schema.tables import breakers, leases, pauses, sweeps, tallies
from app.store.schema.tables import in_flight as in_flight_table

_S, _L = sweeps.c, leases.c
_FIGURES = (_S.total_runs, _S.last_run_at, _S.last_duration_ms, _S.last_status, _S.total_sent, _S.total_failed)
_LEASE = (_L.holder, _L.expires_at)
_PAUSE = (pauses.c.since.label("paused_since"), pauses.c.reason)
_BREAKER = ("failures", "opened_at", "probe_at", "timeouts")
_FINAL = tuple(sorted(FINAL))


@dataclass(frozen=True, slots=True)
class SchedulerState:
    """`figures` is None before the first sweep, and `lease` while no sweep runs.

    `pause` is None while posts are sent. `breakers` and `in_flight` have one entry for each publisher.
    """

    figures: SweepFigures | None
    lease: Lease | None
    breakers: tuple[Breaker, ...]
    counted: dict[Status, StoredCount]
    in_flight: tuple[in_flight.Shares, ...]
    pause: Pause | None = None


@cache
def _statement(publishers: int) -> sa.Select[Any]:
    counted = [tallies.alias(status.value) for status in _FINAL]
    columns = [column for table in counted for column in (table.c.counted, table.c.counted_until, table.c.pruned)]
    one = select(sa.literal(1)).subquery()
    circuits = [breakers.alias(f"breaker_{index}") for index in range(publishers)]
    shares = [in_flight_table.alias(f"in_flight_{index}") for index in range(publishers)]
    columns += [table.c[name] for table in circuits for name in _BREAKER]
    columns += [table.c[column.name] for table in shares for column in in_flight.COLUMNS]
    found = select(*_FIGURES, *_LEASE, *_PAUSE, *columns).select_from(one)
    found = found.outerjoin(sweeps, _S.name == SWEEP)
    found = found.outerjoin(leases, _L.name == SWEEP)
    found = found.outerjoin(pauses, pauses.c.name == SENDING)
    for status, table in zip(_FINAL, counted, strict=True):
        found = found.outerjoin(table, table.c.name == status.value)
    for tables in (circuits, shares):
        for index, table in enumerate(tables):
            found = found.outerjoin(table, table.c.name == row_name(index))
    return with_constants(found)


def read(connection: Connection, publishers: int = 1) -> SchedulerState:
    row = connection.execute(_statement(publishers)).one()
    figures, lease, pause, counted = row[:6], row[6:8], row[8:10], row[10:]
    circuits, shares = counted[3 * len(_FINAL) :], counted[3 * len(_FINAL) + 4 * publishers :]
    rows = {status: counted[3 * number : 3 * number + 3] for number, status in enumerate(_FINAL)}
    return SchedulerState(
        SweepFigures(*figures) if figures[0] is not None else None,
        Lease(*lease) if lease[0] is not None else None,
        tuple(_to_breaker(circuits[4 * at : 4 * at + 4], at) for at in range(publishers)),
        {status: StoredCount(*of) if of[0] is not None else NONE_STORED for status, of in rows.items()},
        tuple(in_flight.to_shares(*shares[2 * at : 2 * at + 2]) for at in range(publishers)),
        Pause(*pause) if pause[0] is not None else None,
    )


def _to_breaker(values: Sequence[Any], index: int) -> Breaker:
    """Build a breaker without the weights of owners. The values are all None without a row."""
    failures, opened_at, probe_at, timeouts = values
    return Breaker(failures or 0, opened_at, probe_at, timeouts or 0, index=index)
