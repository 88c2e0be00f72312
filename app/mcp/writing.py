"""The tools that act: create, schedule, move, unschedule, publish now, retry.

Invariant: nothing is published without `confirm: true`. Without it a tool reads, says what would happen, and posts
nothing to Punctual.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from app.mcp import arguments as args
from app.mcp.acting import Acting, Fields
from app.mcp.errors import Refused
from app.mcp.times import moved, read_written, sentence, shown, to_wire
from app.mcp.views import MAX_EXCERPT, zone_of_post

PAST_TOLERANCE = timedelta(seconds=60)


class Writing(Acting):
    async def create_post(
        self,
        content: args.Content,
        platform: args.Platform = "linkedin",
        social_account_id: args.Id | None = None,
        company_id: args.Id | None = None,
        client_id: args.Id | None = None,
        media: args.MediaList | None = None,
        image_url: args.Link | None = None,
        scheduled_at: args.Written | None = None,
        time_zone: args.Zone | None = None,
        fold: args.Fold = 0,
        slot: args.Slot | None = None,
        request_id: args.RequestId | None = None,
        confirm: args.Confirm = False,
    ) -> dict[str, Any]:
        """Create a post. Without a date it is a draft, and nothing is published.

        With scheduled_at, or slot "next", it is scheduled too and will be published: this needs confirm true. Equal
        calls within a day answer with the same post. For a second equal post, pass another request_id.
        """
        body: Fields = {
            "content": content,
            "platform": platform,
            "socialAccountId": social_account_id,
            "companyId": company_id,
            "clientId": client_id,
            "media": [one.model_dump() for one in media or []],
            "imageUrl": image_url,
        }
        body = {name: value for name, value in body.items() if value is not None}
        if scheduled_at is not None or slot is not None:
            _require_one(scheduled_at, slot)
            if not confirm:
                when = await self._when(scheduled_at, time_zone, fold, slot, social_account_id)
                text = f"A {platform} post would be created, and published {when}."
                return self._preview(text, content=content[:MAX_EXCERPT])
            body |= _date(scheduled_at, time_zone, fold, slot)
        elif time_zone is not None or fold:
            raise Refused("time_zone and fold belong to scheduled_at. Nothing was created. Pass it too, or neither.")
        done = await self._api.post("/api/posts", body, f"create {request_id or ''}")
        return await self._done(str(done.body.get("id")), done.body, done.repeated)

    async def schedule_post(
        self,
        post_id: args.Id,
        scheduled_at: args.Written | None = None,
        time_zone: args.Zone | None = None,
        fold: args.Fold = 0,
        slot: args.Slot | None = None,
        force: args.Force = False,
        request_id: args.RequestId | None = None,
        confirm: args.Confirm = False,
    ) -> dict[str, Any]:
        """Schedule a draft, or give a scheduled or failed post another time. It is published then.

        Pass scheduled_at (with time_zone), or slot "next". Needs confirm true.
        """
        _require_one(scheduled_at, slot)
        post = await self._read(post_id)
        if not confirm:
            when = await self._when(scheduled_at, time_zone, fold, slot, post.get("socialAccountId"))
            return self._preview(f"The post would be published {when}.{_copy(force)}", post)
        body = _date(scheduled_at, time_zone, fold, slot) | ({"force": True} if force else {})
        return await self._act(post, f"/api/posts/{post_id}/schedule", body, request_id)

    async def move_post(
        self,
        post_id: args.Id,
        by: args.Duration,
        expected_at: args.Instant | None = None,
        request_id: args.RequestId | None = None,
        confirm: args.Confirm = False,
    ) -> dict[str, Any]:
        """Move a scheduled post earlier or later by a duration.

        Needs confirm true, and expected_at: the present scheduledAt of the post, from the answer without confirm. So
        a repeated call does not move the post twice.
        """
        post = await self._read(post_id)
        if not post.get("scheduledAt"):
            raise Refused("This post has no date. Nothing was done. Give it one with schedule_post.")
        zone, before = zone_of_post(post, self._api.time_zone), datetime.fromisoformat(post["scheduledAt"])
        if confirm and (expected := _expected(expected_at)) != before:
            if moved(expected, by, zone) == before:
                return await self._done(post_id, {}, repeated=True)
            raise Refused(f"The post is scheduled for {sentence(before, zone)}, not for expected_at. Nothing was done.")
        after = _not_past(moved(before, by, zone))
        if not confirm:
            text = (
                f"The post would move from {sentence(before, zone)} to {sentence(after, zone)}, and be published then."
            )
            return self._preview(text, post, expectedAt=to_wire(before))
        body = {"scheduledAt": to_wire(after)} | ({"timeZone": post["timeZone"]} if post.get("timeZone") else {})
        return await self._act(post, f"/api/posts/{post_id}/schedule", body, request_id)

    async def unschedule_post(self, post_id: args.Id, request_id: args.RequestId | None = None) -> dict[str, Any]:
        """Take a scheduled post back: it is a draft again and does not go out."""
        post = await self._read(post_id)
        return await self._act(post, f"/api/posts/{post_id}/unschedule", {}, request_id)

    async def publish_post_now(
        self,
        post_id: args.Id,
        force: args.Force = False,
        request_id: args.RequestId | None = None,
        confirm: args.Confirm = False,
    ) -> dict[str, Any]:
        """Publish a draft, scheduled or failed post at once. It cannot be taken back. Needs confirm true."""
        post = await self._read(post_id)
        if not confirm:
            return self._preview(f"The post would be published at once, {self._now()}.{_copy(force)}", post)
        body = {"force": True} if force else {}
        return await self._act(post, f"/api/posts/{post_id}/publish", body, request_id)

    async def retry_post(
        self,
        post_id: args.Id,
        force: args.Force = False,
        request_id: args.RequestId | None = None,
        confirm: args.Confirm = False,
    ) -> dict[str, Any]:
        """Publish a failed post again at once, with all its tries. Ask explain_post first. Needs confirm true."""
        post = await self._read(post_id)
        if not confirm:
            text = f"The post ({post.get('status')}) would be tried again at once, {self._now()}.{_copy(force)}"
            return self._preview(text, post)
        body = {"postId": post_id, "action": "retry"} | ({"force": True} if force else {})
        return await self._act(post, "/api/posts/recover", body, request_id)

    async def _when(
        self, written: str | None, zone_name: str | None, fold: int, slot: str | None, account_id: str | None
    ) -> str:
        """Return when a post would go out, as part of a sentence.

        Only a preview needs it: a confirmed order goes to Punctual, which may have carried it out before.

        Raises: Refused for a time that Punctual would refuse.
        """
        if written is not None:
            at = _not_past(read_written(written, zone_name, fold))
            return f"at {sentence(at, zone_name or self._api.time_zone)}"
        if account_id is None:
            return "at the next free weekly time of its account (next_free_times shows it)"
        found = await self._api.get(f"/api/social-accounts/{account_id}/slots/next", count=1)
        free = found.get("data") or []
        if not free:
            raise Refused("This account has no free weekly time. Nothing was done. Pass scheduled_at.")
        return f"at the next free weekly time, now {sentence(free[0]['scheduledAt'], str(found['timeZone']))}"


def _require_one(written: str | None, slot: str | None) -> None:
    """Check that one of the two ways to name a time is used. Raises: Refused."""
    if (written is None) == (slot is None):
        raise Refused("Pass one of scheduled_at and slot. Nothing was done.")


def _date(written: str | None, zone_name: str | None, fold: int, slot: str | None) -> Fields:
    fields = {"scheduledAt": written, "timeZone": zone_name, "fold": fold or None, "slot": slot}
    return {name: value for name, value in fields.items() if value is not None}


def _not_past(at: datetime) -> datetime:
    """Return the instant. Raises: Refused for one that Punctual takes for past."""
    if at < datetime.now(UTC) - PAST_TOLERANCE:
        shown_at = shown(at, "UTC") or {}
        raise Refused(f"This time is past: {shown_at['utc']} in UTC. Nothing was done. Choose a later one.")
    return at


def _expected(text: str | None) -> datetime:
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refused("Pass expected_at: the present scheduledAt (utc) of the post. Nothing was done.")
    return at


def _copy(force: bool) -> str:
    return " With force, a second copy may appear if an earlier attempt is out." if force else ""
