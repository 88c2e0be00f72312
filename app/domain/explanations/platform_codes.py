"""Translate the platforms' own error codes into ours.

Sources: Microsoft Learn, "LinkedIn API, Error Handling" (401 invalid, expired, revoked or empty token, 403 access
denied, 429 throttled) with the service error codes 65600 to 65604, and "Posts API" (422 DUPLICATE_POST). Meta, "Graph
API, Handling Errors" (1 and 2 temporary, 3, 10 and 200 to 299 permissions, 4, 17, 32, 341 and 613 limits, 102 and 190
token, 368 blocked for policies, 506 duplicate post), and "Instagram Platform, Error Codes" (the subcodes 22070xx and
the codes from -2 to 36004 beside them). Unknown are the codes that were seen with the post live: 1 and 2 (koala #699),
2207051 (Postiz pull request 1681), and those of a container gone after its publication.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.domain.explanations.error_objects import error_codes

DUPLICATE = "duplicate_content"
KnownOutcome = Literal["transient", "permanent", "reconnect", "unknown"]


@dataclass(frozen=True, slots=True)
class KnownCode:
    """The meaning of a platform's code: our own code, and the outcome of the attempt."""

    code: str
    outcome: KnownOutcome


def _rows(*rows: tuple[str, str, KnownOutcome]) -> dict[str, KnownCode]:
    return {theirs: KnownCode(code, outcome) for several, code, outcome in rows for theirs in several.split()}


_TOKENS = "INVALID_ACCESS_TOKEN EXPIRED_ACCESS_TOKEN REVOKED_ACCESS_TOKEN"
LINKEDIN = _rows(
    (f"{_TOKENS} EMPTY_ACCESS_TOKEN 65600 65601 65602 65604", "reconnect_required", "reconnect"),
    ("DUPLICATE_POST", DUPLICATE, "permanent"),
    ("ACCESS_DENIED NOT_ENOUGH_PERMISSIONS 100", "permission_missing", "permanent"),
    ("TOO_MANY_REQUESTS", "platform_busy", "transient"),
    ("FIELD_LENGTH_TOO_LONG", "text_too_long", "permanent"),
)
META = _rows(
    ("102 190", "reconnect_required", "reconnect"),
    ("506", DUPLICATE, "permanent"),
    ("-1 1 2 2207001 2207006 2207008 2207020 2207051", "outcome_unknown", "unknown"),
    ("2207032 2207053", "platform_error", "transient"),
    ("4 17 32 341 613", "platform_busy", "transient"),
    ("3 10", "permission_missing", "permanent"),
    (" ".join(map(str, range(200, 300))), "permission_missing", "permanent"),
    ("368", "blocked_by_platform", "permanent"),
    ("9 2207042", "daily_limit_reached", "permanent"),
    ("25 2207050", "account_restricted", "permanent"),
    ("100 2207023 2207057", "rejected_by_platform", "permanent"),
    ("9004 2207052", "media_not_fetched", "permanent"),
    ("-2 9007 2207003 2207027", "media_not_ready", "transient"),
    ("36000 2207004", "image_too_large", "permanent"),
    ("36001 2207005", "image_format_not_supported", "permanent"),
    ("36003 2207009", "aspect_ratio_not_supported", "permanent"),
    ("36004 2207010", "text_too_long", "permanent"),
    ("352 2207026", "video_format_not_supported", "permanent"),
    ("2207028", "carousel_size", "permanent"),
    ("2207040", "too_many_tags", "permanent"),
)


def recognise(platform: str | None, code: str, text: str) -> KnownCode | None:
    """Find the meaning of a platform's error. Returns None if no code is known.

    A code is `code` as a whole, or one of the JSON error object that `text` as a whole is. Of several codes a duplicate
    wins, because it proves that the post is out. Then comes a lost connection, then the most specific code. Where
    `platform` is given, codes of another platform count for the first two only.
    """
    subcodes, codes = error_codes(text)
    named = [*subcodes, code.strip().upper(), *codes]
    own, other = (LINKEDIN, META) if platform == "linkedin" else (META, LINKEDIN)
    found = [own[name] for name in named if name in own]
    found += [other[name] for name in named if name in other and (platform is None or _rank(other[name]) < 2)]
    return min(found, key=_rank, default=None)


def _rank(known: KnownCode) -> int:
    return 0 if known.code == DUPLICATE else 1 if known.outcome == "reconnect" else 2
