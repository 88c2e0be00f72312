"""The posts and accounts of answers: short, with each time in UTC and in its zone.

Invariant: the answer of every tool has `now`, in UTC and in the zone of this server.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.mcp.errors import Refused
from app.mcp.times import shown, zone_of

MAX_EXCERPT = 280  # characters of a text in a list
MAX_TEXT = 10_000  # characters of a text alone
KEPT: tuple[str, ...] = (
    "id",
    "status",
    "platform",
    "postType",
    "media",
    "imageUrl",
    "socialAccountId",
    "companyId",
    "clientId",
)
KEPT += ("armed", "externalUrl", "externalPostId", "latenessMs", "publishedLatenessMs", "errorCode", "errorMessage")
INSTANTS = ("scheduledAt", "nextAttemptAt", "publishedAt", "createdAt", "updatedAt")


def answer(zone: str, **values: Any) -> dict[str, Any]:
    """Return a tool's answer with the present instant."""
    return {"now": shown(datetime.now(UTC), zone), **values}


def zone_of_post(post: dict[str, Any], default: str) -> str:
    """Return the name of the post's zone, or `default` for none and for one unknown here."""
    name = post.get("timeZone")
    try:
        return zone_of(name).key if isinstance(name, str) else default
    except Refused:
        return default


def post_view(post: dict[str, Any], default_zone: str, most: int = MAX_TEXT) -> dict[str, Any]:
    """Return a post with at most `most` characters of its text. Fields without a value are left out."""
    zone = zone_of_post(post, default_zone)
    content = str(post.get("content") or "")
    view = {name: post[name] for name in KEPT if post.get(name) not in (None, [])}
    view |= {name: shown(post[name], zone) for name in INSTANTS if post.get(name)}
    view |= {"timeZone": zone, "content": content[:most], "risks": post.get("risks") or []}
    if len(content) > most:
        view["contentIsCut"] = f"The text has {len(content)} characters. {most} are shown."
    return view


def account_view(account: dict[str, Any], zone: str) -> dict[str, Any]:
    names = ("id", "platform", "accountName", "status", "companyId", "clientId")
    view = {name: account[name] for name in names if account.get(name) is not None}
    return view | ({"tokenEndsAt": shown(account["expiresAt"], zone)} if account.get("expiresAt") else {})
