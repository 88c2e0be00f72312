"""Reasons to refuse an author's change: the status, the platform's limits, a possible earlier send."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.deps import Deps
from app.domain.content.rules import check_limits
from app.domain.errors import Conflict, Invalid
from app.domain.explanations import SENTENCES
from app.domain.lifecycle import FINAL, Status
from app.domain.post import Attempt, Post
from app.domain.resend import may_resend, needs_force, unproven_since
from app.store.engine import Connection
from app.store.posts import queries


def wrong_status(post: Post) -> Conflict:
    """Return the error for a change forbidden by the post's status."""
    if post.status is Status.PUBLISHING:
        return Conflict("in_flight", "The post is going out right now and can no longer be changed.")
    if post.status in FINAL:
        return Conflict(f"already_{post.status}", f"The post is {post.status}, which is final.")
    return Conflict("not_scheduled", f"The post is {post.status}, not scheduled.")


def require_publishable(deps: Deps, post: Post) -> None:
    """Check the post against its platform's limits.

    Raises: Invalid naming every limit that the post exceeds.
    """
    local = deps.settings.local
    errors = check_limits(post.platform, post.content, post.media, post.image_url, post.post_type, allow_loopback=local)
    if errors:
        raise Invalid("platform_limits", " ".join(error.message for error in errors), errors)


def require_not_out(deps: Deps, tx: Connection, post: Post, at: datetime, force: bool) -> bool:
    """Check that a send at `at` makes no second copy, or that `force` accepts one.

    Returns True if an attempt may be out and `force` covers it.

    Raises: Conflict where an attempt may be out and the platform would take a duplicate.
    """
    return check_not_out(deps, post, queries.attempts_of(tx, post.id) if post.attempt else [], at, force)


def check_not_out(deps: Deps, post: Post, tries: Sequence[Attempt], at: datetime, force: bool) -> bool:
    """Check the same for a post whose attempts are read already."""
    since = unproven_since(tries)
    if force and since is not None:
        return True
    if needs_force(tries) or not may_resend(deps.settings.unknown_outcome_policy, post.platform, since, at):
        raise Conflict("force_required", f"{SENTENCES['outcome_unknown']} Then try again with force: true.")
    return False


def require_nothing_out(tx: Connection, post: Post) -> None:
    """Check that no attempt of the post may be out.

    Raises: Conflict. Platforms recognise a duplicate by its text, so a new text would let a second copy through.
    """
    if post.attempt and unproven_since(queries.attempts_of(tx, post.id)) is not None:
        raise Conflict("outcome_unknown", f"{SENTENCES['outcome_unknown']} Write a new post for a new text.")
