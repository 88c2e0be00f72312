"""The tools that read: posts, accounts, free times, and why a post did not go out.

Invariant: no tool of this file changes anything in Punctual.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.mcp import arguments as args
from app.mcp.api import Api
from app.mcp.errors import Refused
from app.mcp.explanation import explain
from app.mcp.times import shown
from app.mcp.views import MAX_EXCERPT, account_view, answer, post_view

TIMELINE_PAGES = 5
SHOWN_LINES = 20  # the last attempts and transitions of an explanation


class Reading:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def list_posts(
        self,
        status: Annotated[list[args.Status], Field(max_length=6)] | None = None,
        platform: args.Platform | None = None,
        social_account_id: args.Id | None = None,
        company_id: args.Id | None = None,
        client_id: args.Id | None = None,
        text: args.Query | None = None,
        needs_attention: Annotated[bool, Field(strict=True)] | None = None,
        from_time: args.Instant | None = None,
        to_time: args.Instant | None = None,
        limit: Annotated[int, Field(ge=1, le=args.MAX_LIST)] = 20,
        cursor: args.Cursor | None = None,
    ) -> dict[str, Any]:
        """List posts, newest first.

        from_time and to_time bound the scheduled instant. text searches the posts' texts. needs_attention selects
        posts with a problem that a person has to solve. Texts are cut, get_post shows them whole. Pass nextCursor as
        cursor for the next page.
        """
        query: dict[str, Any] = {
            "status": ",".join(status) if status else None,
            "platform": platform,
            "socialAccountId": social_account_id,
            "companyId": company_id,
            "clientId": client_id,
            "q": text,
            "needsAttention": None if needs_attention is None else str(needs_attention).lower(),
            "from": from_time,
            "to": to_time,
            "limit": limit,
            "cursor": cursor,
        }
        page = await self._api.get("/api/posts", **query)
        posts = [post_view(post, self._api.time_zone, MAX_EXCERPT) for post in page.get("data") or []]
        for view in posts:
            view["mediaCount"] = len(view.pop("media", []))
        return answer(self._api.time_zone, posts=posts, nextCursor=page.get("nextCursor"))

    async def get_post(self, post_id: args.Id) -> dict[str, Any]:
        """Read one post: its status, its times, its errors, and risks known to keep it from going out on time."""
        post = await self._api.get(f"/api/posts/{post_id}")
        return answer(self._api.time_zone, post=post_view(post, self._api.time_zone))

    async def list_accounts(
        self,
        platform: args.Platform | None = None,
        company_id: args.Id | None = None,
        cursor: args.Cursor | None = None,
    ) -> dict[str, Any]:
        """List the social accounts through which posts can go out. Tokens are never shown."""
        query = {"platform": platform, "companyId": company_id, "limit": args.MAX_LIST, "cursor": cursor}
        page = await self._api.get("/api/social-accounts", **query)
        accounts = [account_view(account, self._api.time_zone) for account in page.get("data") or []]
        return answer(self._api.time_zone, accounts=accounts, nextCursor=page.get("nextCursor"))

    async def next_free_times(
        self, social_account_id: args.Id, count: Annotated[int, Field(ge=1, le=args.MAX_SLOTS)] = 10
    ) -> dict[str, Any]:
        """Preview the next free weekly times of an account. Nothing is reserved.

        schedule_post with slot "next" takes the first one.
        """
        path = f"/api/social-accounts/{social_account_id}/slots/next"
        found = await self._api.get(path, count=count)
        zone = str(found.get("timeZone") or self._api.time_zone)
        times = [shown(one["scheduledAt"], zone) for one in found.get("data") or []]
        if not times:
            note = "This account has no weekly times, or none is free. Choose a time yourself with scheduled_at."
            return answer(self._api.time_zone, freeTimes=[], note=note)
        return answer(self._api.time_zone, freeTimes=times)

    async def explain_post(self, post_id: args.Id) -> dict[str, Any]:
        """Explain where a post stands: why it did not go out, came late or failed, and what to do.

        The sentences come from the post, its last attempts and changes of status, its risks, and the alerts of the
        installation.
        """
        post = await self._api.get(f"/api/posts/{post_id}")
        attempts, transitions = await self._timeline(post_id)
        try:
            status = await self._api.get("/api/scheduler/status")
        except Refused:
            status = {}  # the post's own facts explain more than the installation's
        zone = self._api.time_zone
        found = explain(post, attempts, transitions, status, zone)
        return answer(zone, **found, post=post_view(post, zone, MAX_EXCERPT))

    async def _timeline(self, post_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the last attempts and transitions of the first pages, oldest first."""
        attempts: list[dict[str, Any]] = []
        transitions: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(TIMELINE_PAGES):
            page = await self._api.get(f"/api/posts/{post_id}/timeline", cursor=cursor)
            attempts += page.get("attempts") or []
            transitions += page.get("transitions") or []
            cursor = page.get("nextCursor")
            if not cursor:
                break
        return attempts[-SHOWN_LINES:], transitions[-SHOWN_LINES:]
