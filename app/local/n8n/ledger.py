"""The ledger: every received request with its arrival time, the action taken and the reports sent."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.local.n8n.journal import Journal
from app.local.n8n.timestamps import iso

LIMIT = 200_000  # entries in memory: the oldest are dropped first, the file keeps all
MASK = "***"


@dataclass(slots=True)
class Entry:
    """One received request. `received_ns` is the arrival of its headers."""

    id: int
    post_id: str
    attempt: int | None
    received_ns: int
    body: dict[str, Any]
    headers: dict[str, str]
    action: str
    urn: str | None = None
    published_ns: int | None = None
    reports: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "postId": self.post_id,
            "attempt": self.attempt,
            "receivedAt": iso(self.received_ns),
            "receivedAtNs": self.received_ns,
            "receivedAtMs": self.received_ns / 1e6,
            "body": self.body,
            "headers": self.headers,
            "action": self.action,
            "urn": self.urn,
            "publishedAt": None if self.published_ns is None else iso(self.published_ns),
            "publishedAtNs": self.published_ns,
            "reports": self.reports,
        }


class Ledger:
    """Entries in order of arrival and by post.

    The journal holds one line per entry, and later lines with the entry's id that add to it.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._entries: deque[Entry] = deque()
        self._by_post: dict[str, list[Entry]] = {}
        self._next_id = 1
        self._load()

    def record(self, received_ns: int, body: dict[str, Any], headers: Mapping[str, str], action: str) -> Entry:
        """Add an entry for a request. The access token is masked."""
        attempt = body.get("attempt")
        entry = Entry(
            id=self._next_id,
            post_id=str(body.get("postId", "")),
            attempt=attempt if isinstance(attempt, int) else None,
            received_ns=received_ns,
            body={**body, "accessToken": MASK} if "accessToken" in body else body,
            headers=dict(headers),
            action=action,
        )
        self._keep(entry)
        self._journal.append(entry.as_json())
        return entry

    def published(self, entry: Entry, urn: str, published_ns: int) -> None:
        """Store the URN of the entry's first copy. A later copy is recorded by the network only."""
        if entry.urn is None:
            entry.urn, entry.published_ns = urn, published_ns
            self._journal.append({"id": entry.id, "urn": urn, "publishedAtNs": published_ns})

    def reported(self, entry: Entry, report: dict[str, Any]) -> None:
        entry.reports.append(report)
        self._journal.append({"id": entry.id, "report": report})

    def entries(self, post_id: str | None = None) -> Iterable[Entry]:
        return self._entries if post_id is None else self._by_post.get(post_id, [])

    def clear(self) -> None:
        self._entries.clear()
        self._by_post.clear()
        self._journal.clear()

    def close(self) -> None:
        self._journal.close()

    def _keep(self, entry: Entry) -> None:
        if len(self._entries) >= LIMIT:
            self._remove_from_index(self._entries.popleft())
        self._entries.append(entry)
        self._by_post.setdefault(entry.post_id, []).append(entry)
        self._next_id = entry.id + 1

    def _remove_from_index(self, entry: Entry) -> None:
        of_post = self._by_post[entry.post_id]
        of_post.remove(entry)
        if not of_post:
            del self._by_post[entry.post_id]

    def _load(self) -> None:
        by_id: dict[int, Entry] = {}
        for record in self._journal.records():
            if "postId" in record:
                by_id[record["id"]] = entry = _entry_from(record)
                self._keep(entry)
            elif (found := by_id.get(record.get("id", 0))) is not None:
                _add_to(found, record)


def _entry_from(record: dict[str, Any]) -> Entry:
    names = ("id", "attempt", "body", "headers", "action", "urn")
    fields = {name: record[name] for name in names}
    return Entry(post_id=record["postId"], received_ns=record["receivedAtNs"], **fields)


def _add_to(entry: Entry, record: dict[str, Any]) -> None:
    if "report" in record:
        entry.reports.append(record["report"])
    else:
        entry.urn, entry.published_ns = record["urn"], record["publishedAtNs"]
