"""Keep a sweep from running by a wrong clock.

Every decision of a sweep is a comparison with the present instant.
"""

from __future__ import annotations

from app.deps import Deps
from app.domain.alerts import CURES
from app.log import emit
from app.operations.clock import read_skew
from app.store.operations import alerts

KIND, SUBJECT = "clock_skew", "scheduler"


def find_skew(deps: Deps) -> float | None:
    """Return the seconds by which our clock is too far ahead of the database's, None where the two agree.

    Raise the alert, or clear it once they agree again.

    Raises: Unavailable.
    """
    skew = read_skew(deps)
    if skew is None or not (skew.is_too_large or skew.alerted):
        return None
    with deps.db.transaction() as tx:
        if not skew.is_too_large:
            alerts.clear(tx, KIND, SUBJECT)
            return None
        # By the database's clock: an instant of ours would be wrong itself.
        alerts.raise_alert(tx, KIND, SUBJECT, f"{CURES[KIND]} They differ by {skew.seconds:g} s.", skew.database_now)
    emit("sweep.clock_skew", ahead=skew.seconds)
    return skew.seconds
