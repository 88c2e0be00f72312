"""Warnings for authors about their own other posts: asked after the schedule is committed, so that of two at once the
later one sees the earlier. A database that is away by then costs the warning, never the answer."""

from __future__ import annotations

from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.post import Post
from app.domain.warnings import DUPLICATE_WITHIN, schedule_warnings
from app.log import emit
from app.store.posts import warnings

MOST_ON_A_SIDE = 100  # compared on either side: more than any platform lets one account send in a day


def find_warnings(deps: Deps, post: Post) -> list[tuple[str, str]]:
    """(code, message) each for a scheduled `post`; a post never warns of itself."""
    if post.scheduled_at is None or post.social_account_id is None:
        return []
    try:
        with deps.db.reading() as connection:
            others = warnings.nearby_posts(connection, post, post.scheduled_at, DUPLICATE_WITHIN, MOST_ON_A_SIDE)
    except Unavailable:
        emit("post.not_compared", post_id=post.id)
        return []
    return schedule_warnings(post.scheduled_at, post.content, others)
