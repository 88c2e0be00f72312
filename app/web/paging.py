"""Pages of lists. The cursor is the key of a page's last item, and a client's cursor is checked."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from app.domain.errors import Invalid, NotFound, invalid_field
from app.domain.times import parse_instant
from app.store.paging import After
from app.web.ids import uuid_or_404

Find = Callable[[int, After | None], list[Any]]


def page(
    query: dict[str, Any], find: Find, key: Callable[[Any], After], read_id: Callable[[str], str] = uuid_or_404
) -> dict[str, Any]:
    """Build one page of a list. Removes `limit` and `cursor` from `query`.

    `find` gets the limit plus one, so the extra item shows if there is a next page. `key` returns an item's sort key.
    """
    limit, cursor = query.pop("limit"), query.pop("cursor", None)
    found = find(limit + 1, _read_cursor(cursor, read_id) if cursor else None)
    more = len(found) > limit
    return {"data": found[:limit], "next_cursor": _write_cursor(key(found[limit - 1])) if more else None}


def _write_cursor(last: After) -> str:
    key = json.dumps([last[0].isoformat(), last[1]])
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _read_cursor(cursor: str, read_id: Callable[[str], str]) -> After:
    try:
        at, last = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return parse_instant(at, "cursor"), read_id(str(last))
    except (ValueError, TypeError, binascii.Error, NotFound, Invalid, RecursionError):
        raise invalid_field("cursor", "invalid_cursor", "Use a nextCursor of an earlier answer unchanged.") from None
