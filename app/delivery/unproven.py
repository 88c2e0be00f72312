"""The earlier sends of a post that may be out, as far as they bind its next send."""

from __future__ import annotations

from datetime import datetime

from app.deps import Deps
from app.domain import resend
from app.domain.post import Post
from app.store.posts import queries


def unproven_since(deps: Deps, post: Post) -> datetime | None:
    """Return the instant of the earliest send that may be out, None without one.

    A person who forced this generation has accepted a second copy of the sends before it.
    """
    if not post.attempt:
        return None
    with deps.db.reading() as connection:
        tries = queries.attempts_of(connection, post.id)
        since = resend.unproven_since(tries)
        if since is not None and queries.is_forced(connection, post):
            since = resend.unproven_since(one for one in tries if one.generation == post.generation)
    return since
