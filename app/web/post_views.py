"""The JSON of posts: a post with its risks, and the answers to schedule and publish."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from app.domain.post import Post
from app.posts.schedule import Scheduled

_FIELDS = (*(field.name for field in fields(Post)), "armed", "published_lateness_ms")


def post_view(post: Post, **more: Any) -> dict[str, Any]:
    """Return a post's values for a schema, with values that are no part of the post."""
    return {name: getattr(post, name) for name in _FIELDS} | more


def warnings(done: Scheduled) -> list[dict[str, str]]:
    """Return the warnings of a schedule, as the API writes them."""
    return [{"code": code, "message": message} for code, message in done.warnings]


def schedule_answer(done: Scheduled) -> dict[str, Any]:
    """Return the answer to schedule and publish."""
    return {
        "status": "scheduled",
        "post_id": done.post.id,
        "scheduled_at": done.chosen.at,
        "time_zone": done.chosen.time_zone,
        "local_time": done.chosen.local_time,
        "message_id": done.post.message_id,
        "armed": done.post.armed,
        "warnings": warnings(done),
    }
