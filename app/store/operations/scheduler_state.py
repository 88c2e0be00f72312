"""The small rows that the status route shows: the sweeps' figures and lease, the breaker, counts, shares.

Invariant: one statement reads them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.breaker import Breaker
from app.domain.lifecycle import FINAL, Status
from app.store.operations import breaker, in_flight
from app.store.operations.counts import NONE_STORED, StoredCount
from app.store.operations.runs import SWEEP, Lease, SweepFigures
from app.store.schema.tables import breakers, leases, sweeps, tallies
from app.store.schema.tables import in_flight as in_flight_table

_S, _L, _B = sweeps.c, leases.c, breakers.c
_FIGURES = (_S.total_runs, _S.last_run_at, _S.last_duration_ms, _S.last_status, _S.total_sent, _S.total_failed)
_LEASE = (_L.holder, _L.expires_at)
_BREAKER = (_B.failures, _B.opened_at, _B.probe_at, _B.timeouts)
_FINAL = tuple(sorted(FINAL))


@dataclass(frozen=True, slots=True)
class SchedulerState:
    """`figures` is None before the first sweep, and `lease` while no sweep runs."""

    figures: SweepFigures | None
    lease: Lease | None
    breaker: Breaker
    counted: dict[Status, StoredCount]
    in_flight: in_flight.Shares


def _statement() -> sa.Select[Any]:
    counted = [tallies.alias(status.value) for status in _FINAL]
    columns = [column for table in counted for column in (table.c.counted, table.c.counted_until, table.c.pruned)]
    one = select(sa.literal(1)).subquery()
    found = select(*_FIGURES, *_LEASE, *_BREAKER, *in_flight.COLUMNS, *columns).select_from(one)
    found = found.outerjoin(sweeps, _S.name == SWEEP)
    found = found.outerjoin(leases, _L.name == SWEEP).outerjoin(breakers, _B.name == breaker.NAME)
    found = found.outerjoin(in_flight_table, in_flight.T.name == in_flight.NAME)
    for status, table in zip(_FINAL, counted, strict=True):
        found = found.outerjoin(table, table.c.name == status.value)
    return found


_STATE = _statement()


def read(connection: Connection) -> SchedulerState:
    row = connection.execute(_STATE).one()
    figures, lease, circuit, counted = row[:6], row[6:8], row[8:12], row[14:]
    rows = {status: counted[3 * number : 3 * number + 3] for number, status in enumerate(_FINAL)}
    return SchedulerState(
        SweepFigures(*figures) if figures[0] is not None else None,
        Lease(*lease) if lease[0] is not None else None,
        Breaker(*circuit) if circuit[0] is not None else Breaker(),
        {status: StoredCount(*of) if of[0] is not None else NONE_STORED for status, of in rows.items()},
        in_flight.to_shares(*row[12:14]),
    )
