"""The export of all rows about one user, as one JSON document.

Invariant: no token, key, secret or hash of one is in it, and the rows are read in pages of bounded size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from app.deps import Deps
from app.domain.times import to_wire
from app.store.people import records
from app.store.people.records import RECORDS, Records

PAGE = 200


def export_user(deps: Deps, user_id: str) -> Iterator[str]:
    """Yield the document in pieces. A user without a row gets empty lists.

    Raises: Unavailable.
    """
    yield f'{{"userId": {json.dumps(user_id)}, "exportedAt": {json.dumps(to_wire(deps.clock.now()))}'
    for section in RECORDS:
        yield f',\n"{section.name}": ['
        separator = "\n"
        for row in _rows(deps, section, user_id):
            yield separator + json.dumps(_plain(row), ensure_ascii=False)
            separator = ",\n"
        yield "]"
    yield "}\n"


def _rows(deps: Deps, section: Records, user_id: str) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        with deps.db.reading() as connection:
            rows = records.page(connection, section, user_id, after, PAGE)
            more = records.histories(connection, [row["id"] for row in rows]) if section.name == "posts" else {}
        for row in rows:
            shown = {name: value for name, value in row.items() if name not in section.secrets}
            yield shown | more.get(row.get("id", ""), {})
        if len(rows) < PAGE:
            return
        after = records.key_of(section, rows[-1])


def _plain(value: Any) -> Any:
    """Return the value for JSON: names in camelCase, instants as text. Texts of authors stay as they are."""
    if isinstance(value, datetime):
        return to_wire(value)
    if isinstance(value, dict):
        return {_camel(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
