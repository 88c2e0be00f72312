"""`flask after-restore`: the operator says that the database was restored or moved back in time.

Invariant: one transaction per batch, and a second run finishes an interrupted one. Posts due later stay scheduled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from app.alarms import arm_batch, armed_horizon
from app.alerts import clear_alerts
from app.deps import Deps
from app.domain.errors import Locked, invalid_field
from app.domain.ports import MessageServiceError
from app.domain.post import Post
from app.domain.times import parse_instant
from app.log import emit
from app.restore import hold
from app.restore.went_back import ALERT, CLOCK_SKEW, SUBJECT
from app.store.operations import recovery_holds
from app.store.posts import restored


@dataclass(slots=True)
class Restored:
    """The result: the posts held, those still in doubt because of a lock, and those armed again of `later` ones.

    `log_unread`: the message service did not say which messages were cancelled in the lost time.
    """

    held: int = 0
    in_doubt: int = 0
    later: int = 0
    armed: int = 0
    log_unread: bool = False


def read_since(deps: Deps, text: str | None) -> datetime | None:
    """Return the backup's last instant: `text`, or by default the latest one in the database, None in an unused one.

    Raises: Invalid for a text that is no instant of the past, Unavailable.
    """
    if text is None:
        with deps.db.reading() as connection:
            return recovery_holds.latest_instant(connection)
    since = parse_instant(text, "since")
    if since > deps.clock.now():
        raise invalid_field("since", "in_the_future", "The backup cannot be of the future. Give its own last instant.")
    return since


def after_restore(
    deps: Deps, since: datetime, show: Callable[[list[Post]], None], *, dry_run: bool = False
) -> Restored:
    """Hold all posts in doubt, then arm the later ones again. `show` gets each batch of posts before its hold.

    With `dry_run`, the posts are only shown and counted.

    Raises: Unavailable. The batches before it are kept, and another run goes on.
    """
    done, now = Restored(), deps.clock.now()
    called_off = _messages_called_off(deps, since, done)
    if dry_run:
        for batch in _in_doubt(deps, now, called_off):
            show(batch)
            done.held += len(batch)
        done.later = sum(post.message_id not in called_off for batch in _later(deps, now) for post in batch)
        return done
    with deps.db.transaction() as tx:
        rollback = recovery_holds.begin(tx, since=since, until=now, proven_at=None, evidence="flask after-restore")
    for batch in _in_doubt(deps, now, called_off):
        held = {post.id for post in hold.hold_batch(deps, rollback, batch)}
        show([post for post in batch if post.id in held])
        done.held += len(held)
    done.in_doubt = sum(len(batch) for batch in _in_doubt(deps, now, called_off))
    if deps.messages is not None:
        _arm_again(deps, since, now, called_off, done)
    if not done.in_doubt:
        with deps.db.transaction() as tx:
            recovery_holds.finish(tx, rollback, deps.clock.now())
            recovery_holds.finish_earlier(tx, rollback, deps.clock.now())
        clear_alerts(deps, [ALERT], SUBJECT)
    emit("restore.held", since=since.isoformat(), held=done.held, in_doubt=done.in_doubt, armed=done.armed)
    return done


def _messages_called_off(deps: Deps, since: datetime, done: Restored) -> set[str]:
    """Return the ids of messages cancelled since the backup. Their posts were called off or moved."""
    if deps.messages is None:
        return set()
    try:
        return deps.messages.cancelled_since(since - CLOCK_SKEW)
    except MessageServiceError as error:
        emit("restore.not_checked", error=str(error))
        done.log_unread = True
        return set()


def _in_doubt(deps: Deps, now: datetime, called_off: set[str]) -> Iterator[list[Post]]:
    """Yield posts possibly out, then later ones with a message cancelled in the lost time."""
    yield from hold.in_doubt(deps, now, None)
    for batch in _later(deps, now) if called_off else ():
        if found := [post for post in batch if post.message_id in called_off]:
            yield found


def _later(deps: Deps, now: datetime) -> Iterator[list[Post]]:
    end = armed_horizon(deps)
    return hold.pages(deps, lambda c, n, after: restored.due_later(c, now, end, n, after), "next_attempt_at")


def _arm_again(deps: Deps, since: datetime, now: datetime, called_off: set[str], done: Restored) -> None:
    """Arm the later posts again, because their messages may be lost or of another generation.

    A locked batch keeps its messages. The sweep arms a post refused by the message service.
    """
    lost = hold.lost_armings(since, now)
    for batch in _later(deps, now):
        ids = [post.id for post in batch if post.message_id not in called_off]
        done.later += len(ids)
        try:
            with deps.db.transaction() as tx:
                counted = restored.restart_arming(tx, ids, lost, deps.clock.now())
        except Locked:
            continue
        done.armed += len(counted) - len(arm_batch(deps, counted))
