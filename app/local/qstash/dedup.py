"""The deduplication window: a second publish with the same key within ten minutes is a duplicate.

Cancelling a message does not free its key.
"""

import hashlib
from collections import OrderedDict

from .headers import Instructions
from .storage import Storage

WINDOW_MS = 600_000


def dedup_key(url: str, body: bytes, instructions: Instructions) -> str | None:
    """Return the publisher's id or a hash of the content. None: no deduplication requested."""
    if instructions.deduplication_id:
        return instructions.deduplication_id
    if not instructions.content_based:
        return None
    content = repr((url, instructions.method, instructions.forward)).encode() + body
    # A publisher's own id cannot contain a colon, so the two kinds of keys cannot collide.
    return f"content:{hashlib.sha256(content).hexdigest()}"


class DedupWindow:
    """The first message of each key, in order of expiry."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._first: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def load(self) -> None:
        rows = self._storage.load_dedup()
        self._first = OrderedDict((row["key"], (row["message_id"], row["expires_at"])) for row in rows)

    def first(self, key: str, now_ms: int) -> str | None:
        """Return the id of the key's first message, or None outside the window."""
        self._expire(now_ms)
        found = self._first.get(key)
        return found[0] if found and found[1] > now_ms else None

    def remember(self, key: str, message_id: str, now_ms: int) -> None:
        self._first.pop(key, None)
        self._first[key] = (message_id, now_ms + WINDOW_MS)
        self._storage.insert_dedup(key, message_id, now_ms + WINDOW_MS)

    def clear(self) -> None:
        self._first.clear()

    def _expire(self, now_ms: int) -> None:
        expired = False
        while self._first and next(iter(self._first.values()))[1] <= now_ms:
            self._first.popitem(last=False)
            expired = True
        if expired:
            self._storage.prune_dedup(now_ms)
