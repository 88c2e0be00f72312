"""What an author is warned of when scheduling: the same text twice within a day, two posts within a minute."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.lifecycle import Status
from app.domain.times import to_wire

DUPLICATE_WITHIN = timedelta(hours=24)
CROWDED_WITHIN = timedelta(seconds=60)  # excluded: a minute apart is apart


@dataclass(frozen=True, slots=True)
class NearbyPost:
    """Another post of the same account that goes out, or went out, near the one being scheduled."""

    id: str
    status: Status
    at: datetime
    content: str


def normalised(text: str) -> str:
    """What two texts must share to count as the same: Unicode NFC, white space collapsed, case folded."""
    folded = unicodedata.normalize("NFC", " ".join(text.split())).casefold()
    return unicodedata.normalize("NFC", folded)  # folding may take composed characters apart


def schedule_warnings(at: datetime, content: str, others: Iterable[NearbyPost]) -> list[tuple[str, str]]:
    """(code, message) for a post due `at`, each naming the nearest other post that it is about."""
    nearest = sorted(others, key=lambda other: (abs(other.at - at), other.at, other.id))
    text = normalised(content)
    warnings = []
    same = next((o for o in nearest if abs(o.at - at) <= DUPLICATE_WITHIN and normalised(o.content) == text), None)
    if same is not None:
        verb = "went" if same.status is Status.PUBLISHED else "goes"
        told = f"The same text {verb} to this account at {to_wire(same.at)} (post {same.id})."
        warnings.append(("duplicate_text", told))
    if nearest and abs(nearest[0].at - at) < CROWDED_WITHIN:
        near = nearest[0]
        told = f"Another post of this account has the same minute, {to_wire(near.at)} (post {near.id})."
        warnings.append(("crowded_minute", told))
    return warnings
