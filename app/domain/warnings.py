"""Warnings when scheduling: the same text twice within a day, or two posts within a minute.

Invariant: texts are compared by their hashes. A text with too many combining marks in a row has none.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.content.marks import MAX_MARKS, longest_run
from app.domain.lifecycle import Status
from app.domain.times import to_wire

DUPLICATE_WITHIN = timedelta(hours=24)
CROWDED_WITHIN = timedelta(seconds=60)  # exclusive: no warning at exactly a minute


@dataclass(frozen=True, slots=True)
class NearbyPost:
    """Another post of the same account, due or published near the post being scheduled."""

    id: str
    status: Status
    at: datetime
    same_text: bool


def _normalised(text: str) -> str:
    """Normalise a text for comparison: Unicode NFC, white space collapsed, case folded."""
    folded = unicodedata.normalize("NFC", " ".join(text.split())).casefold()
    return unicodedata.normalize("NFC", folded)  # folding can decompose characters


def content_hash(text: str) -> int | None:
    """Return 64 bits of the normalised text's SHA-256, equal for equal-looking texts.

    None means the text cannot be normalised in bounded time. It equals no other text.
    """
    if longest_run(text) > MAX_MARKS:
        return None
    digest = hashlib.sha256(_normalised(text).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], signed=True)


def schedule_warnings(at: datetime, others: Iterable[NearbyPost]) -> list[tuple[str, str]]:
    """Return (code, message) of each warning for a post due `at`. A message names the nearest other post."""
    nearest = sorted(others, key=lambda other: (abs(other.at - at), other.at, other.id))
    warnings = []
    same = next((o for o in nearest if abs(o.at - at) <= DUPLICATE_WITHIN and o.same_text), None)
    if same is not None:
        verb = "went" if same.status is Status.PUBLISHED else "goes"
        message = f"The same text {verb} to this account at {to_wire(same.at)} (post {same.id})."
        warnings.append(("duplicate_text", message))
    if nearest and abs(nearest[0].at - at) < CROWDED_WITHIN:
        near = nearest[0]
        message = f"Another post of this account has the same minute, {to_wire(near.at)} (post {near.id})."
        warnings.append(("crowded_minute", message))
    return warnings
