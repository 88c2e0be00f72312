"""Calendar feeds: private addresses of calendars, for programs that cannot send a token in a header.

Invariant: a token is shown once and stored as a hash. A feed ends when it is deleted, and a company's feed also when
its user leaves the company.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta

from app import quotas
from app.audit import record
from app.companies.permissions import require_member
from app.deps import Deps
from app.domain.audit import Action
from app.domain.companies import Right
from app.domain.errors import NotFound, invalid_field
from app.domain.post import Post
from app.store.companies import access
from app.store.engine import Connection
from app.store.paging import After
from app.store.posts import feeds
from app.store.posts.feeds import Feed
from app.store.schema.tables import new_id

MAX_FEEDS = 20  # of one user
TOKEN_BYTES = 32
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
SHOWN_FOR = timedelta(days=90)
MAX_PAST, MAX_AHEAD = 100, 400  # posts of one answer


def create_feed(deps: Deps, user_id: str, name: str, company_id: str | None) -> tuple[Feed, str]:
    """Create a feed of the user's own posts, or of a company's. Return it with its token.

    Raises: NotFound for a company of others, Invalid above the quota, Unavailable.
    """
    now = deps.clock.now()
    token = secrets.token_urlsafe(TOKEN_BYTES)
    feed = Feed(new_id(), user_id, company_id, name, now)
    with deps.db.transaction() as tx:
        if company_id is not None:
            require_member(tx, user_id, company_id, Right.READ)
        quotas.lock_owner(tx, user_id)
        actual = feeds.count(tx, user_id, MAX_FEEDS + 1)
        if actual >= MAX_FEEDS:
            message = f"You have {actual} feeds. Delete one first."
            raise invalid_field("feeds", quotas.QUOTA_EXCEEDED, message, MAX_FEEDS, actual + 1)
        feeds.create(tx, feed, _hash(token))
        record(tx, user_id, Action.FEED_CREATED, f"feed:{feed.id}", now, company_id=company_id)
    return feed, token


def list_feeds(deps: Deps, user_id: str, limit: int, after: After | None) -> list[Feed]:
    """Return a page of the user's feeds, oldest first."""
    with deps.db.reading() as connection:
        return feeds.page(connection, user_id, limit, after)


def delete_feed(deps: Deps, user_id: str, feed_id: str) -> None:
    """Delete the user's feed. Its address answers 404 from now on.

    Raises: NotFound.
    """
    with deps.db.transaction() as tx:
        feed = feeds.remove(tx, feed_id, user_id)
        if feed is None:
            raise NotFound("feed_not_found", "There is no such feed.")
        record(tx, user_id, Action.FEED_DELETED, f"feed:{feed_id}", deps.clock.now(), company_id=feed.company_id)


def posts_of(deps: Deps, token: str) -> tuple[Feed, list[Post]]:
    """Return the feed of this token and its posts, by their instants.

    Raises: NotFound for an unknown token, and where the user is no member of the feed's company any more.
    """
    now = deps.clock.now()
    if TOKEN.fullmatch(token):
        with deps.db.reading() as connection:
            feed = feeds.by_hash(connection, _hash(token))
            if feed is not None and _may_read(connection, feed):
                found = feeds.shown_posts(connection, feed, now, now - SHOWN_FOR, MAX_PAST, MAX_AHEAD)
                return feed, found
    raise NotFound("feed_not_found", "There is no such feed.")


def _may_read(connection: Connection, feed: Feed) -> bool:
    return feed.company_id is None or access.role_of(connection, feed.company_id, feed.user_id) is not None


def _hash(token: str) -> str:
    """Hash a token, so a reader of the table cannot use it. A plain hash is enough for random input."""
    return hashlib.sha256(token.encode()).hexdigest()
