"""The tools that end a post or copy it: cancel, attach, duplicate.

Invariant: none of them acts without `confirm: true`.
"""

from __future__ import annotations

from typing import Any

from app.mcp import arguments as args
from app.mcp.acting import Acting
from app.mcp.errors import Refused
from app.mcp.times import sentence
from app.mcp.views import zone_of_post


class Endings(Acting):
    async def cancel_post(self, post_id: args.Id, confirm: args.Confirm = False) -> dict[str, Any]:
        """Cancel a draft, scheduled or failed post for good. It cannot be scheduled again. Needs confirm true.

        To stop a post and keep it as a draft, call unschedule_post.
        """
        post = await self._read(post_id)
        if not confirm:
            date = post.get("scheduledAt")
            when = f", for {sentence(date, zone_of_post(post, self._api.time_zone))}," if date else ""
            return self._preview(f"The post ({post.get('status')}){when} would be cancelled for good.", post)
        await self._api.delete(f"/api/posts/{post_id}")
        return await self._done(post_id, {}, repeated=post.get("status") == "cancelled")

    async def attach_post(
        self,
        post_id: args.Id,
        url: args.Link | None = None,
        external_post_id: args.ExternalId | None = None,
        request_id: args.RequestId | None = None,
        confirm: args.Confirm = False,
    ) -> dict[str, Any]:
        """Settle a post with outcome_unknown as published, since a person sees it on its platform.

        Pass the link in the person's browser as url, or the platform's id as external_post_id. Needs confirm true.
        """
        if (url is None) == (external_post_id is None):
            raise Refused("Pass one of url and external_post_id. Nothing was done.")
        post = await self._read(post_id)
        if not confirm:
            text = f"The post would count as published, as {url or external_post_id}. Only a person can see that."
            return self._preview(text, post)
        body = {"url": url} if url is not None else {"externalPostId": external_post_id}
        return await self._act(post, f"/api/posts/{post_id}/attach", body, request_id)

    async def duplicate_post(
        self, post_id: args.Id, request_id: args.RequestId | None = None, confirm: args.Confirm = False
    ) -> dict[str, Any]:
        """Copy a post as a new draft without a date. Needs confirm true.

        Equal calls within a day answer with the same copy. For a second one, pass another request_id.
        """
        post = await self._read(post_id)
        if not confirm:
            return self._preview("A new draft with the same text and media would be made.", post)
        done = await self._api.post(f"/api/posts/{post_id}/duplicate", {}, f"duplicate {request_id or ''}")
        return await self._done(str(done.body.get("id")), done.body, done.repeated)
