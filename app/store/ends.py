"""Conditions on stored ends, such as a lease's. A clock that was ahead may have written them.

Invariant: no end holds for longer than its own duration after the clock was put right.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from app.domain.times import CLOCK_TOLERANCE


def is_over(end: sa.ColumnElement[datetime | None], now: datetime, latest: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that `end` has passed, or is later than `latest`, the latest one to be written now."""
    return sa.or_(end <= now, end > latest + CLOCK_TOLERANCE)
