"""The latest late sends, with the rows that tell what made them late.

Invariant: no text of a post is read, and each read is bounded and along an index.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.late_causes import LateSend, Passed
from app.store.schema.tables import LATE, attempts, posts, transitions

MOST_TRANSITIONS = 2_000


def latest_late(connection: Connection, since: datetime, number: int) -> list[LateSend]:
    """Return the latest attempts sent more than a second after their promise, newest first."""
    a, p = attempts.c, posts.c
    former = attempts.alias("former")
    before = (former.c.post_id == a.post_id, former.c.attempt == a.attempt - 1)
    sent = (a.trigger, a.woken_at, a.started_at, a.sent_at, a.lateness_ms)
    columns = (a.post_id, p.platform, a.attempt, a.generation, p.scheduled_at, *sent)
    found = (
        select(*columns, former.c.outcome, former.c.error_code)
        .join(posts, p.id == a.post_id)
        .outerjoin(former, sa.and_(*before))
        .where(sa.text(f"attempts.{LATE}"), a.started_at >= since)
        .order_by(a.started_at.desc())
        .limit(number)
    )
    return [LateSend(*tuple(row)) for row in connection.execute(found)]


def passed_by(connection: Connection, post_ids: Collection[str]) -> dict[str, list[Passed]]:
    """Return the transitions of these posts, oldest first, of all together at most MOST_TRANSITIONS."""
    t = transitions.c
    found: dict[str, list[Passed]] = {}
    wanted = select(t.post_id, t.at, t.reason, t.generation, t.attempt).where(t.post_id.in_(post_ids))
    for post_id, *rest in connection.execute(wanted.order_by(t.post_id, t.id).limit(MOST_TRANSITIONS)):
        found.setdefault(post_id, []).append(Passed(*rest))
    return found
