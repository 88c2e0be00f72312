"""One row's trouble is its own: whatever breaks on a post is logged, and the post comes again after the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.explanations import SENTENCES
from app.domain.post import Post
from app.log import emit
from app.store.posts import transitions

SET_ASIDE_FOR = timedelta(minutes=5)  # a row that could not be handled comes back after the others
Result = TypeVar("Result")


def isolate(deps: Deps, work: Callable[[Post], Result | None], post: Post) -> Result | None:
    """`work(post)`, or None where it broke; then a scheduled row is set aside so that it does not come first again.
    Raises Unavailable alone: that is everybody's trouble."""
    try:
        return work(post)
    except Unavailable:
        raise
    except Exception:
        emit("sweep.row_failed", post_id=post.id, exc_info=True)
    at, code = deps.clock.now() + SET_ASIDE_FOR, "publisher_error"
    if post.next_attempt_at is not None:
        with deps.db.transaction() as tx:
            transitions.defer(
                tx, post, at=at, code=code, message=SENTENCES[code], now=at - SET_ASIDE_FOR, reason="set_aside"
            )
    return None
