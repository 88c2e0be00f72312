"""The rows of a bulk call without the database: new drafts, repeated posts, rows that lost their race."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.domain.bulk import Operation
from app.domain.errors import Conflict, Refusal, invalid_field
from app.domain.lifecycle import Status
from app.domain.post import Post
from app.domain.warnings import content_hash
from app.store.schema.tables import new_id


def new_draft(user_id: str, values: dict[str, Any], now: datetime) -> Post:
    """Build a draft that no row of the database has yet."""
    unset = dict.fromkeys(_UNSET)
    zero = dict.fromkeys(("generation", "attempt", "retry_count", "arm_count"), 0)
    own: dict[str, Any] = {"id": values.get("id") or new_id(), "user_id": user_id, "status": Status.DRAFT}
    own |= {"created_at": now, "updated_at": now, "content_hash": content_hash(values["content"])}
    return Post(**{**unset, **zero, **values, **own})


_UNSET = (
    *("social_account_id", "scheduled_at", "time_zone", "next_attempt_at", "lease_until", "sending_at", "message_id"),
    *("swept_at", "external_post_id", "external_url", "published_at", "lateness_ms", "error_code", "error_message"),
)


def repeated(operations: Iterable[Operation]) -> dict[int, Refusal]:
    """Return a refusal for each operation, by its index, whose post an earlier one names."""
    first: dict[str, int] = {}
    found: dict[int, Refusal] = {}
    for index, one in enumerate(operations):
        if one.post_id is None:
            continue
        if one.post_id in first:
            message = f"Row {first[one.post_id]} names this post already. Send one row for each post."
            found[index] = invalid_field("postId", "repeated_post", message)
        first.setdefault(one.post_id, one.row)
    return found


def changed_meanwhile() -> Conflict:
    """Return the refusal of a row that kept losing to other changes."""
    return Conflict("changed_meanwhile", "The post kept changing while this was tried. Look at it and try again.")
