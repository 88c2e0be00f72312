"""Recover a post by hand: retry it now, or fail it.

Invariant: only failed posts and posts publishing past their lease are recovered. No attempt is in flight then.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from app.alarms import arm
from app.deps import Deps
from app.domain.errors import Conflict
from app.domain.explanations import SENTENCES
from app.domain.lifecycle import Status
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Post
from app.log import emit
from app.posts.changes import change_post
from app.posts.refusals import require_not_out, require_publishable
from app.store.engine import Connection
from app.store.posts import attempts, transitions

Action = Literal["retry", "fail"]


def recover(deps: Deps, user_id: str, post_id: str, action: Action, force: bool) -> Post:
    """Retry the post (due now, fresh budget) or fail it.

    Raises: NotFound, Unavailable, Conflict (`force_required` where a retry may make a second copy).
    """
    now, actor = deps.clock.now(), f"user:{user_id}"

    def change(tx: Connection, post: Post) -> Post | None:
        require_recoverable(post, now)
        if action == "retry":
            require_publishable(deps, post)
            forced = require_not_out(deps, tx, post, now, force)
            moved = transitions.retry_by_hand(tx, post, now=now, actor=actor, forced=forced)
        elif post.status is Status.FAILED:
            return post
        else:
            moved = transitions.fail_by_hand(tx, post, message=SENTENCES["failed_by_hand"], now=now, actor=actor)
        if moved is not None and post.status is Status.PUBLISHING:
            attempts.close(tx, post.id, post.attempt, Verdict(Outcome.UNKNOWN, "outcome_unknown"), now)
        return moved

    _, after = change_post(deps, user_id, post_id, change)
    emit("post.recovered", post_id=post_id, action=action, generation=after.generation)
    return arm(deps, after, ordered_by=user_id)[0] if after.status is Status.SCHEDULED else after


def require_recoverable(post: Post, now: datetime) -> None:
    """Check that the post failed, or that its lease has ended.

    Raises: Conflict.
    """
    if post.status is Status.PUBLISHING and post.lease_until is not None and post.lease_until >= now:
        raise Conflict("in_flight", "The post is going out right now. Wait for its outcome.")
    if post.status not in (Status.FAILED, Status.PUBLISHING):
        raise Conflict(
            "not_recoverable", f"Only failed posts and stuck ones can be recovered. This one is {post.status}."
        )
