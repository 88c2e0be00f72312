"""Routes for calendar feeds: their owner's, and the calendars themselves.

Invariant: a token is shown in the answer that creates it, and is in no log. The route takes no Idempotency-Key, because
a kept answer would keep the token.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, request
from flask.views import MethodView
from marshmallow import fields, validate

from app.domain.companies import MAX_NAME
from app.domain.post import Post
from app.posts import feeds
from app.version import VERSION
from app.web.auth import deps, user_id, user_required
from app.web.blueprint import UserBlueprint
from app.web.fields import Answer, Camel, Count, Length, Name, Text, Uuid, WireInstant
from app.web.ids import uuid_or_404
from app.web.limits import limited_by_address
from app.web.paging import page
from app.web.schemas import MAX_CURSOR

MAX_SUMMARY = 80  # characters of a post's text in the title of its event
MAX_DESCRIPTION = 2_000
SHOWN_MINUTES = 15  # the length of an event
REFRESH = timedelta(hours=1)


class FeedCreate(Camel):
    name = Name(required=True, validate=Length(1, MAX_NAME))
    company_id = Uuid(load_default=None, allow_none=True)


class FeedQuery(Camel):
    limit = Count(load_default=50, validate=validate.Range(1, 200))
    cursor = Text(validate=Length(1, MAX_CURSOR))


class FeedView(Answer):
    id = fields.String()
    name = fields.String()
    company_id = fields.String(allow_none=True)
    created_at = WireInstant()


class NewFeedView(FeedView):
    url = fields.String()


class FeedPage(Answer):
    data = fields.List(fields.Nested(FeedView))
    next_cursor = fields.String(allow_none=True)


blueprint = UserBlueprint("feeds", __name__, url_prefix="/api/feeds", description="Private calendars of posts")
calendars = Blueprint("calendars", __name__)


@blueprint.route("")
class Feeds(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("listFeeds")
    @blueprint.arguments(FeedQuery, location="query")
    @blueprint.response(200, FeedPage)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List your feeds, oldest first. Their addresses are not shown again."""
        return page(
            query,
            lambda limit, after: feeds.list_feeds(deps(), user_id(), limit, after),
            lambda one: (one.created_at, one.id),
        )

    @blueprint.operation("createFeed", "404 not_found company_not_found", "422 quota_exceeded too_many_values")
    @blueprint.arguments(FeedCreate)
    @blueprint.response(201, NewFeedView)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create a calendar of your posts, or of a company's. Its address is shown this once.

        Anyone with the address reads the calendar. Delete the feed to end it.
        """
        company_id = None if body["company_id"] is None else str(body["company_id"])
        feed, token = feeds.create_feed(deps(), user_id(), body["name"], company_id)
        base = deps().settings.public_base_url or request.host_url.rstrip("/")
        values = {name: getattr(feed, name) for name in ("id", "name", "company_id", "created_at")}
        return values | {"url": f"{base}/feeds/{token}.ics"}


@blueprint.route("/<feed_id>")
class OneFeed(MethodView):
    decorators = (user_required,)  # type: ignore[assignment]

    @blueprint.operation("deleteFeed", "404 not_found feed_not_found")
    @blueprint.response(204)
    def delete(self, feed_id: str) -> None:
        """Delete a feed. Its address answers 404 from now on."""
        feeds.delete_feed(deps(), user_id(), uuid_or_404(feed_id))


@calendars.get("/feeds/<token>.ics")
@limited_by_address
def calendar(token: str) -> Response:
    """Write a feed's scheduled and published posts as a calendar."""
    feed, found = feeds.posts_of(deps(), token)
    response = Response(_calendar(feed.name, found), mimetype="text/calendar")
    response.headers["Cache-Control"] = "private, max-age=300"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _calendar(name: str, found: list[Post]) -> bytes:
    from icalendar import Calendar, Event  # on first use: it adds 60 ms to a cold start

    made = Calendar()
    for key, value in (("prodid", f"-//Punctual//{VERSION}//EN"), ("version", "2.0"), ("x-wr-calname", _clean(name))):
        made.add(key, value)
    made.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    for post in found:
        event = Event()
        event.add("uid", f"{post.id}@punctual")
        event.add("dtstamp", post.updated_at.replace(microsecond=0))
        event.add("dtstart", (post.scheduled_at or post.updated_at).replace(microsecond=0))
        event.add("duration", timedelta(minutes=SHOWN_MINUTES))
        event.add("summary", _summary(post))
        event.add("description", _clean(post.content[:MAX_DESCRIPTION]))
        event.add("transp", "TRANSPARENT")
        if post.external_url is not None:
            event.add("url", post.external_url)
        made.add_component(event)
    return bytes(made.to_ical())


def _summary(post: Post) -> str:
    line = " ".join(_clean(post.content[: MAX_SUMMARY * 2]).split())
    shown = line if len(line) <= MAX_SUMMARY else f"{line[: MAX_SUMMARY - 1]}…"
    return f"{post.platform}: {shown or post.post_type} ({post.status})"


def _clean(text: str) -> str:
    """Return the text without characters that calendars do not take."""
    return "".join(char for char in text if char.isprintable() or char in "\n\t")
