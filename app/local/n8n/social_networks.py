"""The simulated social networks behind the workflow, with their published posts.

LinkedIn refuses a second post with the same author and text for 10 minutes and names the original. Facebook refuses two
equal posts in a row and names none. Instagram accepts duplicates.
"""

import secrets
from dataclasses import asdict, dataclass
from typing import Any

from app.local.n8n.journal import Journal
from app.local.n8n.timestamps import iso

LINKEDIN_GUARD_NS = 600 * 10**9


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
        self._latest: dict[tuple[str, str], Copy] = {}
        for record in journal.records():
            self._keep(Copy(**record))

    def publish(self, copy: Copy, *, unchecked: bool = False) -> Copy:
        """Publish a copy.

        `unchecked` skips the duplicate check: it simulates a changed text.
        Raises: DuplicatePostError when the network refuses duplicates and has this text by this author.
        """
        original = None if unchecked else self._original_of(copy)
        if original is not None:
            raise DuplicatePostError(original)
        self._keep(copy)
        self._journal.append(asdict(copy))
        return copy

    def copies(self, post_id: str | None = None) -> list[Copy]:
        return [copy for copy in self._copies if post_id in (None, copy.post_id)]

    def clear(self) -> None:
        self._copies.clear()
        self._by_text.clear()
        self._latest.clear()
        self._journal.clear()

    def close(self) -> None:
        self._journal.close()

    def _original_of(self, copy: Copy) -> Copy | None:
        """Return the earlier post that makes the network refuse this one."""
        if copy.platform == "linkedin":
            original = self._by_text.get((copy.platform, copy.account, copy.text))
            is_guarded = original is not None and copy.published_ns - original.published_ns < LINKEDIN_GUARD_NS
            return original if is_guarded else None
        latest = self._latest.get((copy.platform, copy.account)) if copy.platform == "facebook" else None
        return latest if latest is not None and latest.text == copy.text else None

    def _keep(self, copy: Copy) -> None:
        self._copies.append(copy)
        self._by_text[copy.platform, copy.account, copy.text] = copy
        self._latest[copy.platform, copy.account] = copy


def new_urn(platform: str, created_ns: int) -> str:
    """Return a new id in the network's form.

    LinkedIn: a URN whose number has the instant of creation in Unix ms as its upper bits. Facebook: two numbers joined
    by `_`. Instagram: one number.
    """
    if platform == "linkedin":
        return f"urn:li:share:{(created_ns // 1_000_000 << 22) + secrets.randbelow(1 << 22)}"
    number = 7 * 10**18 + secrets.randbelow(10**18)
    return f"{number % 10**15:015d}_{number % 10**17:017d}" if platform == "facebook" else f"{number % 10**17:017d}"
