"""The JSON of every answer: UTF-8, in the field order of the API's documentation.

Invariant: a character is escaped only if JSON demands it, or if it is half of a surrogate pair.
"""

from __future__ import annotations

import json
from typing import Any

from flask.json.provider import DefaultJSONProvider


def to_json(value: Any, **options: Any) -> str:
    """Write JSON that can be sent as UTF-8.

    `options` are those of `json.dumps`.
    """
    text = json.dumps(value, ensure_ascii=False, **options)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class Utf8Json(DefaultJSONProvider):
    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return to_json(obj, default=self.default, **kwargs)
