"""The query and the cursor of a list of posts.

Invariant: a cursor holds only for the filters and the order of its own list.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.errors import NotFound
from app.domain.post_lists import Order, Part, Place, PostFilter, Sort
from app.domain.text_search import search_pattern
from app.domain.times import FIRST, LAST
from app.web.ids import uuid_or_404, with_text_ids
from app.web.paging import invalid_cursor, read_values, write_values

_MICROSECOND = timedelta(microseconds=1)
_MAX_MICROSECONDS = (LAST - FIRST) // _MICROSECOND


def read_filter(query: dict[str, Any]) -> PostFilter:
    """Build the filter from the parameters of a list or of counts."""
    names = ("platform", "company_id", "client_id", "social_account_id", "start", "end", "updated_since")
    values = with_text_ids({name: query.get(name) for name in names})
    text = query.get("q")
    return PostFilter(
        **values,
        statuses=query.get("status", ()),
        text=None if text is None else search_pattern(text),
        needs_attention=query.get("needs_attention"),
    )


def read_order(query: dict[str, Any]) -> Order:
    return Order(Sort(query["sort"]), query["order"] == "asc")


def write_place(place: Place, wanted: PostFilter, order: Order) -> str:
    """Write the cursor for the page after this place."""
    at = None if place.at is None else _microseconds(place.at)
    return write_values([_fingerprint(wanted, order), _microseconds(place.began), place.part, at, place.id])


def read_place(cursor: str, wanted: PostFilter, order: Order) -> Place:
    """Read a cursor of this list.

    Raises: Invalid for any other text, and for the cursor of a list with other filters or another order.
    """
    values = read_values(cursor)
    if len(values) != 5:
        raise invalid_cursor()
    fingerprint, began, part, at, last = values
    if fingerprint != _fingerprint(wanted, order):
        raise invalid_cursor("This nextCursor is of another list. Send it with the same filters and order.")
    try:
        place = Place(_instant(began), Part(part))
        return place if at is None else Place(place.began, place.part, _instant(at), uuid_or_404(str(last)))
    except (ValueError, NotFound):
        raise invalid_cursor() from None


def _fingerprint(wanted: PostFilter, order: Order) -> str:
    return hashlib.sha256(repr((wanted, order)).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def _microseconds(at: datetime) -> int:
    return (at.astimezone(UTC) - FIRST) // _MICROSECOND


def _instant(microseconds: Any) -> datetime:
    if type(microseconds) is not int or not 0 <= microseconds <= _MAX_MICROSECONDS:
        raise ValueError
    return FIRST + microseconds * _MICROSECOND
