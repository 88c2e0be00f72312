"""Pages of posts in the order of a list, and pages of a post's timeline, oldest first.

Invariant: a page of posts reads at most MAX_PAGE_BYTES of texts, or one post. The sizes are read before the texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from app.domain.post import Attempt, Post, Transition
from app.domain.post_lists import PARTS, Order, Part, Place, PostFilter, Sort
from app.domain.risks import NOTHING_KNOWN, Outlook
from app.store.paging import newest_first, oldest_first
from app.store.posts.attempts import to_attempt
from app.store.posts.filters import SEARCHED_POSTS, are_few, conditions, text_matches
from app.store.posts.transition_sql import to_post
from app.store.schema.columns import Condition
from app.store.schema.tables import attempts, posts, transitions

MAX_PAGE_BYTES = 1_000_000
P = posts.c
NEWEST_FIRST = Order()


def page(
    connection: Connection,
    user_id: str,
    wanted: PostFilter,
    limit: int,
    place: Place,
    order: Order = NEWEST_FIRST,
    outlook: Outlook = NOTHING_KNOWN,
) -> tuple[list[Post], Place | None]:
    """Return the page after this place, and the place of the next page. None means no more posts.

    The page ends after `limit` posts, before the post whose texts would exceed MAX_PAGE_BYTES, or after SEARCHED_POSTS
    posts that a text was looked for in. Only then it may be empty though more follow.
    """
    walk = _Walk(connection, conditions(user_id, wanted, outlook), wanted, order, limit)
    parts = PARTS[order.sort]
    for part in parts[parts.index(place.part) :]:
        place = place if place.part is part else Place(place.began, part)
        full = walk.read(place)
        if full is not None:
            return walk.posts(), full
    return walk.posts(), None


class _Walk:
    """One page's way through the parts of a list. The sizes are read before the texts."""

    def __init__(
        self, connection: Connection, where: Sequence[Condition], wanted: PostFilter, order: Order, limit: int
    ) -> None:
        self._connection, self._where, self._text = connection, where, wanted.text
        self._order, self._limit, self._are_few = order, limit, are_few(wanted)
        self._ids: list[str] = []
        self._bytes = self._searched = 0

    def read(self, place: Place) -> Place | None:
        """Read on in one part. Return the place of the next page once this page is full, else None."""
        rows = self._limit - len(self._ids) + 1 if self._text is None else SEARCHED_POSTS - self._searched
        keys = self._connection.execute(self._keys(place, rows)).all()
        for row in keys:
            if row.found:
                if not self._has_room(row.size):
                    return place
                self._ids.append(row.id)
                self._bytes += row.size
            place = Place(place.began, place.part, row.at, row.id)
        self._searched += len(keys)
        return place if self._text is not None and self._searched >= SEARCHED_POSTS else None

    def posts(self) -> list[Post]:
        """Read the posts of the page. A post deleted since is left out."""
        found = self._connection.execute(_POSTS, {"ids": self._ids}) if self._ids else ()
        by_id = {row.id: to_post(row) for row in found}
        return [by_id[one] for one in self._ids if one in by_id]

    def _has_room(self, size: int) -> bool:
        return not self._ids or (len(self._ids) < self._limit and self._bytes + size <= MAX_PAGE_BYTES)

    def _keys(self, place: Place, rows: int) -> sa.Select[Any]:
        column, where, ascending = self._part(place)
        # Few posts are found and sorted. By its index, PostgreSQL would walk all posts of the author to find them.
        at = sa.func.coalesce(column, column) if self._are_few else column
        c, text = self._connection, self._text
        size = _octets(c, P.content) + _octets(c, P.media) + _octets(c, P.image_url)
        found = sa.true() if text is None else text_matches(c, text)
        statement = select(P.id, at.label("at"), size.label("size"), found.label("found")).where(*self._where, *where)
        after = (place.at, place.id) if place.at is not None and place.id is not None else None
        return (oldest_first if ascending else newest_first)(statement, at, P.id, rows, after)

    def _part(self, place: Place) -> tuple[sa.Column[Any], list[Condition], bool]:
        """Return the time that orders a part, the conditions of its posts, and whether it is read from the oldest."""
        ascending = self._order.ascending
        if place.part is Part.CHANGED:
            return P.updated_at, [P.updated_at > place.began], True
        if self._order.sort is Sort.CREATED:
            return P.created_at, [], ascending
        unchanged = P.updated_at <= place.began
        if self._order.sort is Sort.UPDATED:
            return P.updated_at, [unchanged], ascending
        if place.part is Part.UNDATED:
            return P.created_at, [P.scheduled_at.is_(None), unchanged], ascending
        return P.scheduled_at, [P.scheduled_at.is_not(None), unchanged], ascending


_POSTS = select(posts).where(P.id.in_(sa.bindparam("ids", expanding=True)))


def _octets(connection: Connection, column: sa.Column[Any]) -> sa.ColumnElement[int]:
    """Return the length of a text in bytes. PostgreSQL reads it without the text."""
    if connection.dialect.name == "sqlite":  # without octet_length before 3.43
        length = sa.func.length(sa.cast(column, sa.LargeBinary))
    else:
        length = sa.func.octet_length(sa.cast(column, sa.Text))
    return sa.func.coalesce(length, 0)


def attempts_after(connection: Connection, post_id: str, number: int, limit: int) -> list[Attempt]:
    """Return at most `limit` attempts of a post with a higher number, oldest first."""
    a = attempts.c
    statement = select(attempts).where(a.post_id == post_id, a.attempt > number).order_by(a.attempt).limit(limit)
    return [to_attempt(row) for row in connection.execute(statement)]


def transitions_after(
    connection: Connection, post_id: str, transition_id: int, limit: int
) -> list[tuple[int, Transition]]:
    """Return at most `limit` transitions of a post with a higher id, oldest first, each with its id."""
    t = transitions.c
    columns = (t.at, t.from_status, t.to_status, t.reason, t.actor, t.generation, t.attempt)
    where = (t.post_id == post_id, t.id > transition_id)
    found = connection.execute(select(t.id, *columns).where(*where).order_by(t.id).limit(limit))
    return [(row[0], Transition(*row[1:])) for row in found]
