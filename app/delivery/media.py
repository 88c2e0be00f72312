"""A last look at a post's media before its instant, so that a file that is gone is told to the author and not to n8n.

Promise: never later than the due instant because of it, and never a post held back for what we cannot know.
"""

from __future__ import annotations

from datetime import datetime

from app.deps import Deps
from app.domain.outcomes import may_be_out
from app.domain.post import Post
from app.log import emit
from app.store.posts import queries

MARGIN_SECONDS = 0.2  # kept free before the instant, for waking up and claiming
SHORTEST_SECONDS = 0.05  # a shorter look would see nothing
CODES = {"gone": "media_unreachable", "not_public": "media_not_public"}


def trouble(deps: Deps, post: Post, due: datetime) -> str | None:
    """The code that this post must fail with, or None when its media are fine, or nobody can tell in time."""
    urls = list(dict.fromkeys([*(item["url"] for item in post.media), *([post.image_url] if post.image_url else [])]))
    seconds = _time_for_it(deps, due)
    if deps.media is None or not urls or seconds < SHORTEST_SECONDS or _may_be_out_already(deps, post):
        return None
    found = deps.media.look(urls, seconds)
    code = next((CODES[verdict] for verdict in found if verdict in CODES), None)
    if code is not None:
        emit("media.trouble", post_id=post.id, code=code, items=len(urls))  # a URL may be signed: it stays out
    return code


def _may_be_out_already(deps: Deps, post: Post) -> bool:
    """Then only another send can settle whether it is: to fail the post for its media would be a guess."""
    if not post.attempt:
        return False
    with deps.db.reading() as connection:
        return any(may_be_out(attempt) for attempt in queries.attempts_of(connection, post.id))


def _time_for_it(deps: Deps, due: datetime) -> float:
    """Before the instant only what is left until then; a late post waits no longer than the operator says."""
    left, most = (due - deps.clock.now()).total_seconds(), deps.settings.media_check_seconds
    return most if left <= 0 else min(most, left - MARGIN_SECONDS)
