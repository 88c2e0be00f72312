"""Isolate a broken row: its error is logged, and the post comes again after the others.

Invariant: one row's error never stops a sweep or a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from app.deps import Deps
from app.domain.errors import Locked, Unavailable
from app.domain.explanations import SENTENCES
from app.domain.post import Post
from app.log import emit
from app.store.posts import transitions

SET_ASIDE_FOR = timedelta(minutes=5)
Result = TypeVar("Result")


def isolate(deps: Deps, work: Callable[[Post], Result | None], post: Post) -> Result | None:
    """Return `work(post)`, or None where it failed. A scheduled row is then deferred, so it does not come first again.

    A locked row only waits for the next sweep.

    Raises: Unavailable, which concerns every row.
    """
    try:
        return work(post)
    except Locked:
        emit("sweep.row_locked", post_id=post.id)
        return None
    except Unavailable:
        raise
    except Exception:
        emit("sweep.row_failed", post_id=post.id, exc_info=True)
    with suppress(Locked):
        _set_aside(deps, post)
    return None


def _set_aside(deps: Deps, post: Post) -> None:
    now, code = deps.clock.now(), "publisher_error"
    if post.next_attempt_at is not None:
        with deps.db.transaction() as tx:
            at = now + SET_ASIDE_FOR
            transitions.defer(tx, post, at=at, code=code, message=SENTENCES[code], now=now, reason="set_aside")
