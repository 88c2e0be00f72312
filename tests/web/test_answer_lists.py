"""The JSON of a page of posts, written with few calls, beside that of marshmallow."""

from __future__ import annotations

from datetime import timedelta

from app.domain.post_lists import Order, PostFilter
from app.posts.listing import list_posts
from app.web import post_views
from app.web.schemas import PostPage, PostView
from tests.web.site import HOUR, NOW, Site, User


def test_page_of_posts_is_written_as_marshmallow_writes_each_post(site: Site, alice: User) -> None:
    image = {"url": "https://example.com/a.png", "type": "image"}
    alice.draft(content="Grüße 👋")
    alice.scheduled(NOW + timedelta(days=400), media=[image])  # parked: it has a risk
    due = alice.scheduled(NOW + HOUR)
    site.clock.at = NOW + HOUR
    site.deliver(due)
    found, risks, _ = list_posts(site.services.deps, "alice", PostFilter(), Order(), None, 200)
    views = post_views.views(found, risks)
    written = PostPage().dump({"data": views, "next_cursor": None})["data"]
    assert written == [PostView().dump(view) for view in views]
    assert {one["status"] for one in written} == {"draft", "scheduled", "publishing"}
    assert any(one["risks"] for one in written)
    assert any(one["media"] for one in written)
