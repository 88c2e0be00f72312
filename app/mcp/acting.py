"""The shared parts of acting tools: the read before, idempotent orders, and answers.

Invariant: a preview posts nothing to Punctual.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.mcp.api import Api
from app.mcp.errors import Refused
from app.mcp.times import sentence
from app.mcp.views import MAX_EXCERPT, answer, post_view

Fields = dict[str, Any]


class Acting:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def _read(self, post_id: str) -> Fields:
        return await self._api.get(f"/api/posts/{post_id}")

    async def _act(self, post: Fields, path: str, body: Fields, request_id: str | None) -> Fields:
        """Post once per state of the post, or once per request id."""
        state = f"{post.get('generation')} {post.get('attempt')} {post.get('status')}"
        done = await self._api.post(path, body, request_id or state)
        return await self._done(str(post["id"]), done.body, done.repeated)

    async def _done(self, post_id: str, body: Fields, repeated: bool) -> Fields:
        """Answer with the post as it is now."""
        found: Fields = {"done": True, "repeated": repeated, "warnings": body.get("warnings") or []}
        if repeated:
            found["note"] = "This order was carried out by an earlier call. Nothing was done again."
        try:
            found["post"] = post_view(await self._read(post_id), self._api.time_zone)
        except Refused:
            found["note"] = "Done, but the post could not be read afterwards. Call get_post."
        return answer(self._api.time_zone, postId=post_id, **found)

    def _preview(self, text: str, post: Fields | None = None, **more: Any) -> Fields:
        zone = self._api.time_zone
        view = {"post": post_view(post, zone, MAX_EXCERPT)} if post is not None else {}
        cure = "Nothing was done. Ask the person. If they agree, call again with the same arguments and confirm: true."
        note = "Punctual checks the time, the account and the platform's limits when you confirm."
        return answer(zone, done=False, wouldHappen=text, toConfirm=cure, note=note, **more, **view)

    def _now(self) -> str:
        return f"now, {sentence(datetime.now(UTC), self._api.time_zone)}"
