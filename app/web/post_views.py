"""The JSON of posts: a post with its risks, and the answers to schedule and publish."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from app.domain.post import Post
from app.domain.risks import Risk
from app.posts.listing import Cause, Risks, risks_by_id
from app.posts.schedule import Scheduled
from app.web.auth import deps

_FIELDS = (*(field.name for field in fields(Post)), "armed", "published_lateness_ms")


def view(post: Post, **more: Any) -> dict[str, Any]:
    """Return a post with its risks, for a schema. `more` are values beside those of the post."""
    return _view(post, risks_by_id(deps(), [post])) | more


def views(posts: Sequence[Post], risks: Risks) -> list[dict[str, Any]]:
    return [_view(post, risks) for post in posts]


def created(done: Scheduled) -> dict[str, Any]:
    """Return the answer to a post that was created and scheduled in one call."""
    return view(done.post, local_time=done.chosen.local_time, warnings=_warnings(done))


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
        "warnings": _warnings(done),
    }


def counts(by_status: dict[str, int], causes: Iterable[Cause]) -> dict[str, Any]:
    """Return the answer to counts. A cause names its account only where it is about one."""
    return {"by_status": by_status, "needs_attention": [_cause(cause) for cause in causes]}


def _cause(cause: Cause) -> dict[str, Any]:
    account = {} if cause.account_id is None else {"social_account_id": cause.account_id}
    return {**_risk(cause.risk), "count": cause.count, **account}


def _view(post: Post, risks: Risks) -> dict[str, Any]:
    values = {name: getattr(post, name) for name in _FIELDS}
    return values | {"risks": [_risk(one) for one in risks.get(post.id, ())]}


def _risk(risk: Risk) -> dict[str, str]:
    return {"code": risk.code, "message": risk.message, "cure": risk.cure}


def _warnings(done: Scheduled) -> list[dict[str, str]]:
    return [{"code": code, "message": message} for code, message in done.warnings]
