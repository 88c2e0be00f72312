"""Pause and resume all sending of this installation.

Invariant: a pause costs no post and no try. Due posts stay `scheduled`, and the sweeps after the pause send them.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.deps import Deps
from app.domain.alerts import SENDING_PAUSED
from app.domain.errors import Invalid
from app.log import emit
from app.store.operations import alerts, pauses
from app.store.operations.pauses import Pause
from app.store.posts import backlog

MAX_REASON = 200
NO_REASON = "no reason given"
SUBJECT = "scheduler"


@dataclass(frozen=True, slots=True)
class Paused:
    """The pause, and the posts claimed before it. Their sends are not taken back."""

    pause: Pause
    publishing: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The ended pause, None where sending was not paused, and the posts due by now."""

    pause: Pause | None
    overdue: int


def pause(deps: Deps, reason: str | None) -> Paused:
    """Pause all sending, also by processes that run already. A repeated pause changes the reason alone.

    Raises: Invalid where the reason is too long, Unavailable.
    """
    reason = " ".join((reason or "").split()) or NO_REASON
    if len(reason) > MAX_REASON:
        raise Invalid("reason_too_long", f"The reason has {len(reason)} characters. It may have {MAX_REASON}.")
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        begun = pauses.begin(tx, reason, now)
        alerts.raise_alert(tx, SENDING_PAUSED, SUBJECT, f"Sending is paused: {reason}. Run flask resume.", now)
    emit("sending.paused", reason=reason, since=begun.since)
    with deps.db.reading() as connection:
        return Paused(begun, backlog.count_publishing(connection))


def resume(deps: Deps) -> Resumed:
    """End the pause. The next sweep sends the posts that fell due meanwhile.

    Raises: Unavailable.
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        ended = pauses.end(tx)
        alerts.clear(tx, SENDING_PAUSED, SUBJECT)
    with deps.db.reading() as connection:
        overdue = backlog.count_overdue(connection, now, now)
    if ended is not None:
        emit("sending.resumed", reason=ended.reason, since=ended.since, overdue=overdue)
    return Resumed(ended, overdue)
