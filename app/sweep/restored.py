"""The sweep's look for a database that went back in time, before it sends anything.

Invariant: a handful of questions to the message service in one sweep, and none while nothing armed is overdue.
"""

from __future__ import annotations

from datetime import datetime

from app.deps import Deps
from app.domain.ports import MessageServiceError
from app.domain.post import Post
from app.log import emit
from app.restore.went_back import Proof, hold_rollback, went_back
from app.store.operations import recovery_holds
from app.store.posts import queries, restored
from app.sweep.run import SweepRun

MAX_QUESTIONS = 5
LOOKING_ENDS = 0.3  # part of the budget
HOLDING_ENDS = 1.0  # all of it: nothing is sent before the posts in doubt are held


def hold_if_went_back(run: SweepRun) -> None:
    """Hold the posts in doubt if an overdue post's message was acknowledged, and go on with an unfinished hold.

    We acknowledge a message after the commit of its delivery. A post that still waits for it has lost that commit. An
    outage of the app looks different: its messages were not acknowledged.
    """
    deps = run.deps
    if deps.messages is not None and (proof := _find_proof(run)) is not None:
        run.swept.held += went_back(deps, proof)
    with deps.db.reading() as connection:
        rollback = recovery_holds.unfinished(connection)
    if rollback is not None:
        run.swept.held += hold_rollback(deps, rollback, lambda: run.in_time(HOLDING_ENDS))


def _find_proof(run: SweepRun) -> Proof | None:
    """Ask the message service about a few overdue posts. While it does not answer, there is no proof."""
    with run.deps.db.reading() as connection:
        found = restored.suspects(connection, run.overdue_before, run.deps.settings.sweep_batch_size)
    for post in _sample(found):
        if not run.in_time(LOOKING_ENDS):
            return None
        try:
            at = _delivered_at(run.deps, post)
        except (MessageServiceError, ValueError) as error:
            emit("restore.not_checked", post_id=post.id, error=str(error))
            return None
        if at is not None and _is_unchanged(run.deps, post):
            return Proof(at, f"The message of a waiting post was acknowledged. Post {post.id}.")
    return None


def _sample(found: list[Post]) -> list[Post]:
    """Return MAX_QUESTIONS of the posts: the oldest ones, and two spread over the rest.

    The posts of the lost time are older than those that fell due while the app was down for the restore.
    """
    oldest = MAX_QUESTIONS - 2
    rest = found[oldest:]
    return found[:oldest] + ([rest[len(rest) // 2], rest[-1]] if len(rest) > 1 else rest)


def _delivered_at(deps: Deps, post: Post) -> datetime | None:
    assert deps.messages is not None
    assert post.message_id is not None
    return deps.messages.delivered_at(post.message_id)


def _is_unchanged(deps: Deps, post: Post) -> bool:
    """Return True if the post still waits: it may have been claimed between the two reads."""
    with deps.db.reading() as connection:
        return queries.post_by_id(connection, post.id) == post
