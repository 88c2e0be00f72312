"""The posts that n8n accepted and whose lease ended without any report.

Invariant: each read is bounded. Ended leases are few and have an index of their own. Of the attempts, at most SAMPLE
are read, the latest ones.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.alerts import MIN_MISSING_REPORTS, MISSING_REPORTS_WINDOW
from app.domain.outcomes import CODES_WITHOUT_REPORT, NOT_STARTED, Outcome
from app.store.schema.tables import STALE_REASONS, attempts, transitions

SAMPLE = 1_000
A, T = attempts.c, transitions.c
#: The end of a lease writes no raw error, a report of an unknown failure writes one, if only an empty text.
_UNREPORTED = (A.outcome == Outcome.UNKNOWN, A.http_status.between(200, 299), A.error.is_(None))


def missing_reports(
    connection: Connection, now: datetime, ending: tuple[str, datetime] | None = None
) -> list[datetime]:
    """Return the instants at which leases ended unreported, latest first, one for each post.

    `ending` is a post whose lease ends now without a report, and the start of its attempt. Empty unless there are
    MIN_MISSING_REPORTS of them within the window, and no report was received since the first of these was sent.
    """
    since = now - MISSING_REPORTS_WINDOW
    ended = select(T.post_id, T.attempt, T.at).where(sa.text(STALE_REASONS), T.at >= since)
    latest = ended.order_by(T.at.desc()).limit(SAMPLE).subquery()
    of_lease = sa.and_(A.post_id == latest.c.post_id, A.attempt == latest.c.attempt)
    columns = (latest.c.post_id, sa.func.max(latest.c.at).label("at"), sa.func.max(A.started_at).label("sent"))
    found = select(*columns).select_from(latest).join(attempts, of_lease).where(*_UNREPORTED)
    rows = connection.execute(found.group_by(latest.c.post_id).order_by(sa.desc("at"))).all()
    missing = [(row.at, row.sent) for row in rows if ending is None or row.post_id != ending[0]]
    missing = [*([(now, ending[1])] if ending else []), *missing]
    if len(missing) < MIN_MISSING_REPORTS:
        return []
    first_sent = min(sent for _, sent in missing[:MIN_MISSING_REPORTS])
    return [] if _is_reported_since(connection, first_sent) else [at for at, _ in missing]


def _is_reported_since(connection: Connection, since: datetime) -> bool:
    """Return True if a report of one of the latest attempts was received after `since`."""
    began = A.started_at >= since - MISSING_REPORTS_WINDOW
    s = select(attempts).where(began).order_by(A.started_at.desc()).limit(SAMPLE).subquery().c
    not_direct = sa.or_(s.http_status < 500, s.http_status.in_(sorted(NOT_STARTED)))  # n8n's own answers are others
    reported = sa.or_(
        s.outcome.in_((Outcome.PUBLISHED, Outcome.ALREADY_THERE, Outcome.RECONNECT)),
        sa.and_(
            s.outcome.in_((Outcome.TRANSIENT, Outcome.PERMANENT)), s.error_code.not_in(sorted(CODES_WITHOUT_REPORT))
        ),
        sa.and_(s.outcome == Outcome.UNKNOWN, s.error.is_not(None), not_direct),
    )
    statement = select(sa.literal(1)).where(reported, s.finished_at > since).limit(1)
    return connection.execute(statement).scalar() is not None
