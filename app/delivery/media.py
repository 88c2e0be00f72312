"""Check a post's media before its instant, so a missing file is not sent to n8n.

Invariant: the check never makes a post late, and never stops a post for a file of unknown state.
"""

from __future__ import annotations

from datetime import datetime

from app.deps import Deps
from app.domain.post import Post
from app.log import emit

MARGIN_SECONDS = 0.2  # kept free before the instant, for waking up and claiming
MIN_CHECK_SECONDS = 0.05  # a shorter check would get no answer
CODES = {"gone": "media_unreachable", "not_public": "media_not_public"}


def find_fault(deps: Deps, post: Post, due: datetime) -> str | None:
    """Return the post's failure code, or None where its media are good or unknown."""
    urls = list(dict.fromkeys([*(item["url"] for item in post.media), *([post.image_url] if post.image_url else [])]))
    seconds = _seconds_for_check(deps, due)
    if deps.media is None or not urls or seconds < MIN_CHECK_SECONDS:
        return None
    found = deps.media.look(urls, seconds)
    code = next((CODES[verdict] for verdict in found if verdict in CODES), None)
    if code is not None:
        emit("media.fault", post_id=post.id, code=code, items=len(urls))  # no URL: it may carry a signature
    return code


def _seconds_for_check(deps: Deps, due: datetime) -> float:
    """Return the seconds left before the instant, at most MEDIA_CHECK_SECONDS. A late post gets all of those."""
    left, most = (due - deps.clock.now()).total_seconds(), deps.settings.media_check_seconds
    return most if left <= 0 else min(most, left - MARGIN_SECONDS)
