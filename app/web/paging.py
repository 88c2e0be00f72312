"""Pages of lists. The cursor is the key of a page's last item, and a client's cursor is checked."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from app.domain.errors import Invalid, NotFound, invalid_field
from app.domain.post import Attempt, Transition
from app.domain.times import parse_instant
from app.store.paging import After
from app.web.ids import uuid_or_404

Find = Callable[[int, After | None], list[Any]]
ReadId = Callable[[str], str | int]
FindBounded = Callable[[int, After | None], tuple[list[Any], After | None]]


def page(
    query: dict[str, Any], find: Find, key: Callable[[Any], After], read_id: ReadId = uuid_or_404
) -> dict[str, Any]:
    """Build one page of a list. Removes `limit` and `cursor` from `query`.

    `find` gets the limit plus one, so the extra item shows if there is a next page. `key` returns an item's sort key.
    """

    def cut(limit: int, after: After | None) -> tuple[list[Any], After | None]:
        found = find(limit + 1, after)
        return found[:limit], key(found[limit - 1]) if len(found) > limit else None

    return bounded_page(query, cut, read_id)


def bounded_page(query: dict[str, Any], find: FindBounded, read_id: ReadId = uuid_or_404) -> dict[str, Any]:
    """Build one page of a list whose pages may end before the limit. Removes `limit` and `cursor` from `query`.

    `find` returns the items, and the key of the last one if more follow.
    """
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    items, next_key = find(limit, _read_key(cursor, read_id) if cursor else None)
    return {"data": items, "next_cursor": _write_key(next_key) if next_key else None}


def timeline_page(
    query: dict[str, Any],
    find_attempts: Callable[[int, int], list[Attempt]],
    find_transitions: Callable[[int, int], list[tuple[int, Transition]]],
) -> dict[str, Any]:
    """Build one page of a timeline: at most `limit` attempts and as many transitions.

    Each function gets the number of the last page's last item, and the limit plus one. A timeline of one page has no
    `next_cursor`.
    """
    limit, cursor = query["limit"], query.get("cursor")
    attempt, transition = _read_numbers(cursor) if cursor else (0, 0)
    attempts, transitions = find_attempts(attempt, limit + 1), find_transitions(transition, limit + 1)
    more = len(attempts) > limit or len(transitions) > limit
    attempts, transitions = attempts[:limit], transitions[:limit]
    last = [attempts[-1].attempt if attempts else attempt, transitions[-1][0] if transitions else transition]
    answer: dict[str, Any] = {"attempts": attempts, "transitions": [line for _, line in transitions]}
    return answer | ({"next_cursor": write_values(last)} if more else {})


def _write_key(last: After) -> str:
    return write_values([last[0].isoformat(), last[1]])


def write_values(key: list[Any]) -> str:
    """Write a cursor of these values."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def read_values(cursor: str) -> list[Any]:
    """Read the values of a cursor.

    Raises: Invalid for a text that is none.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise invalid_cursor() from None
    if not isinstance(values, list):
        raise invalid_cursor()
    return values


def _read_key(cursor: str, read_id: ReadId) -> After:
    try:
        at, last = read_values(cursor)
        return parse_instant(at, "cursor"), read_id(str(last))
    except (ValueError, TypeError, NotFound, Invalid):
        raise invalid_cursor() from None


def _read_numbers(cursor: str) -> tuple[int, int]:
    numbers = read_values(cursor)
    if len(numbers) != 2 or not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
        raise invalid_cursor()
    return numbers[0], numbers[1]


def invalid_cursor(message: str = "Use a nextCursor of an earlier answer unchanged.") -> Invalid:
    """Return the error for a cursor that is none of this list."""
    return invalid_field("cursor", "invalid_cursor", message)
