"""The simulated social networks behind the workflow, with their published posts.

LinkedIn refuses a second post with the same author and text and names the original. Facebook refuses it without naming
the original. Instagram accepts duplicates.
"""

import secrets
from dataclasses import asdict, dataclass
from typing import Any

from app.local.n8n.journal import Journal
from app.local.n8n.timestamps import iso


@dataclass(frozen=True, slots=True)
class Copy:
    """One published post."""

    urn: str
    platform: str
    account: str
    text: str
    post_id: str
    published_ns: int

    def as_json(self) -> dict[str, Any]:
        return {
            "urn": self.urn,
            "platform": self.platform,
            "account": self.account,
            "text": self.text,
            "postId": self.post_id,
            "publishedAt": iso(self.published_ns),
        }


class DuplicatePostError(Exception):
    """The author has already published this text on the network."""

    def __init__(self, original: Copy) -> None:
        super().__init__(original.urn)
        self.original = original


class SocialNetworks:
    """The published posts of all accounts, also written to the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._copies: list[Copy] = []
        self._by_text: dict[tuple[str, str, str], Copy] = {}
        for record in journal.records():
            self._keep(Copy(**record))

    def publish(self, copy: Copy, *, unchecked: bool = False) -> Copy:
        """Publish a copy.

        `unchecked` skips the duplicate check: it simulates a changed text.
        Raises: DuplicatePostError when the network refuses duplicates and has this text by this author.
        """
        original = self._by_text.get((copy.platform, copy.account, copy.text))
        if original is not None and copy.platform != "instagram" and not unchecked:
            raise DuplicatePostError(original)
        self._keep(copy)
        self._journal.append(asdict(copy))
        return copy

    def copies(self, post_id: str | None = None) -> list[Copy]:
        return [copy for copy in self._copies if post_id in (None, copy.post_id)]

    def clear(self) -> None:
        self._copies.clear()
        self._by_text.clear()
        self._journal.clear()

    def close(self) -> None:
        self._journal.close()

    def _keep(self, copy: Copy) -> None:
        self._copies.append(copy)
        self._by_text.setdefault((copy.platform, copy.account, copy.text), copy)


def new_urn(platform: str) -> str:
    """Return a random id in the network's form.

    LinkedIn: a URN with 19 digits. Facebook: two numbers joined by `_`. Instagram: one number.
    """
    number = 7 * 10**18 + secrets.randbelow(10**18)
    if platform == "linkedin":
        return f"urn:li:share:{number}"
    return f"{number % 10**15:015d}_{number % 10**17:017d}" if platform == "facebook" else f"{number % 10**17:017d}"
