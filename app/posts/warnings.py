"""Warnings to an author about other posts of the same account.

They are read after the schedule is committed, so of two concurrent schedules the later one sees the earlier. While the
database is away the author gets no warning, and the schedule stands.
"""

from __future__ import annotations

from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.post import Post
from app.domain.warnings import CROWDED_WITHIN, DUPLICATE_WITHIN, schedule_warnings
from app.log import emit
from app.store.posts import warnings


def find_warnings(deps: Deps, post: Post) -> list[tuple[str, str]]:
    """Return (code, message) for each warning about a scheduled post."""
    if post.scheduled_at is None or post.social_account_id is None:
        return []
    try:
        with deps.db.reading() as connection:
            others = warnings.nearby_posts(connection, post, post.scheduled_at, DUPLICATE_WITHIN, CROWDED_WITHIN)
    except Unavailable:
        emit("post.not_compared", post_id=post.id)
        return []
    return schedule_warnings(post.scheduled_at, others)
