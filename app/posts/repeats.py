"""Posts of repeated requests: a request whose answer was lost may have made its post already.

Invariant: a request with an Idempotency-Key gives its new post the same id at each try. So a repeat finds the post,
also after a commit whose answer was lost, and after the death of the first try's process.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app import quotas
from app.deps import Deps
from app.domain.post import Post
from app.domain.slots import chosen_in_zone
from app.posts.schedule import Scheduled
from app.posts.warnings import find_warnings
from app.store.operations.idempotency import KEPT_FOR
from app.store.posts import queries


def earlier_post(deps: Deps, user_id: str, values: dict[str, Any]) -> Post | None:
    """Return the post with the id in `values`, made by an earlier try of the request. None where there is none.

    The id of a post from an earlier day, when the key was used for another request, is removed from `values`.

    Raises: Unavailable.
    """
    if values.get("id") is None:
        return None
    with deps.db.transaction() as tx:
        quotas.lock_owner(tx, user_id)  # waits for the earlier try's commit, if it is still in progress
        found = queries.post_by_id(tx, values["id"], user_id)
    return of_this_request(found, values, deps.clock.now())


def of_this_request(found: Post | None, values: dict[str, Any], now: datetime) -> Post | None:
    """Return the post if it is as young as a key is kept. Remove the id of an older one from `values`."""
    if found is not None and found.created_at <= now - KEPT_FOR:
        del values["id"]
        return None
    return found


def scheduled_earlier(deps: Deps, post: Post) -> Scheduled:
    """Return the answer for a post that an earlier try has scheduled. An unarmed one is left to the sweep."""
    at = post.scheduled_at or post.created_at
    return Scheduled(post, chosen_in_zone(at, post.time_zone), find_warnings(deps, post))
