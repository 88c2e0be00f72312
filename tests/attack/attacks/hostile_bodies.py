"""Bodies and pages that cost the app more than their sender: texts, nesting, long lists, many names, full pages."""

import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from tests.attack.attacks.attack import Flood
from tests.attack.target import Request, Target

MAX_CONTENT = 100_000  # characters
ITEMS = 490_000  # of a list of numbers, almost as long as a body may be
FAMILY = "\U0001f468‍\U0001f469‍\U0001f467‍\U0001f466"  # seven code points, one character to a reader
FULL_POSTS, TIMELINE_CHANGES = 40, 60


class Bodies(Flood):
    """The same bodies in turn to the routes that take them."""

    @abstractmethod
    def bodies(self) -> Sequence[bytes]:
        """Build the bodies, sent in turn."""

    def requests(self, target: Target) -> Sequence[Request]:
        headers = target.user_headers()
        paths = ("/api/posts", "/api/social-accounts", "/api/companies")
        return [Request("POST", path, body, headers) for body in self.bodies() for path in paths]


class CombiningMarks(Bodies):
    name = "30,000 combining marks"

    def bodies(self) -> Sequence[bytes]:
        mark = "́"
        texts = ["a" + mark * 30_000, ("a" + mark * 30) * 1_000, mark * MAX_CONTENT, "á̧" * (MAX_CONTENT // 3)]
        return [_posted(content=text, name=text[:200], accountName=text[:200]) for text in texts]


class HugeEmoji(Flood):
    name = "huge emoji, and tags"

    def __init__(self) -> None:
        self._posts: list[str] = []

    def prepare(self, target: Target) -> None:
        target.connect_account()
        texts = [FAMILY * (MAX_CONTENT // len(FAMILY)), "#a " * 33_000, "@a" * 50_000, FAMILY * 270]
        self._posts = list(filter(None, map(target.draft, texts)))

    def requests(self, target: Target) -> Sequence[Request]:
        headers = target.user_headers()
        at = _posted(scheduledAt="2027-06-01T08:00:00Z")
        edit = _posted(content=FAMILY * (MAX_CONTENT // len(FAMILY)))
        schedules = [Request("POST", f"/api/posts/{post}/schedule", at, headers) for post in self._posts]
        edits = [Request("PATCH", f"/api/posts/{post}", edit, headers) for post in self._posts]
        return [*schedules, *edits] or [Request("POST", "/api/posts", edit, headers)]


class DeepNesting(Bodies):
    name = "deeply nested JSON"

    def bodies(self) -> Sequence[bytes]:
        halves = [b"[" * ITEMS, b'{"a":' * 160_000]
        whole = b'{"media":' + b"[" * 900 + b"]" * 900 + b"}"
        return [*halves, b"[" * ITEMS + b"]" * ITEMS, whole, b'{"content":' + b'{"a":' * 900 + b"1" + b"}" * 901]


class LongLists(Bodies):
    name = "490,000 media items"

    def bodies(self) -> Sequence[bytes]:
        items = b"[" + b"0," * ITEMS + b"0]"
        return [
            b'{"content":"x","media":' + items + b"}",
            b'{"content":' + items + b"}",
            b'{"content":"x","media":[' + b"{}," * 320_000 + b"{}]}",
            b'{"content":"x","media":[{"url":' + items + b"}]}",
            items,
        ]


class ManyKeys(Bodies):
    name = "many and long keys"

    def bodies(self) -> Sequence[bytes]:
        many = {f"k{number}": 0 for number in range(70_000)}
        repeated = b"{" + b'"content":"x",' * 60_000 + b'"content":"x"}'
        return [_posted(**many), _posted(**{"k" * 900_000: 0}), repeated, _posted(content="x", media=[many])]


class FullPages(Flood):
    name = "full pages and timelines"

    def __init__(self) -> None:
        self._changed = ""

    def prepare(self, target: Target) -> None:
        target.connect_account()
        for _ in range(FULL_POSTS):
            target.draft("x" * MAX_CONTENT)
        self._changed = target.draft("A post with a long timeline") or ""
        for number in range(TIMELINE_CHANGES):
            at = {"scheduledAt": f"2027-06-01T08:{number % 60:02}:00Z"}
            target.ask("POST", f"/api/posts/{self._changed}/schedule", at)

    def requests(self, target: Target) -> Sequence[Request]:
        headers = target.user_headers()
        paths = ["/api/posts?limit=200", "/api/posts?limit=200&status=draft", f"/api/posts/{self._changed}/timeline"]
        return [Request("GET", path, None, headers) for path in paths]


def _posted(**body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
