"""A list of posts: its filters, its order, and a place in it.

Invariant: a list by a changing time never misses a post. A post that keeps its place comes exactly once. A post that
changes while the pages are read comes last, also if an earlier page had it before the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.lifecycle import Status


class Sort(StrEnum):
    """The time that orders a list. Only the first never changes."""

    CREATED = "createdAt"
    SCHEDULED = "scheduledAt"
    UPDATED = "updatedAt"


class Part(StrEnum):
    """A part of a list. A list by `scheduledAt` has the posts without a time after the others."""

    MAIN = "m"
    UNDATED = "u"
    CHANGED = "c"  # since the first page


PARTS = {
    Sort.CREATED: (Part.MAIN,),
    Sort.SCHEDULED: (Part.MAIN, Part.UNDATED, Part.CHANGED),
    Sort.UPDATED: (Part.MAIN, Part.CHANGED),
}


@dataclass(frozen=True, slots=True)
class PostFilter:
    """The filters of a list of posts. None means no restriction.

    `start` and `end` bound `scheduled_at`, the end excluded. `updated_since` bounds `updated_at`. `text` is a pattern
    of `text_search`. A filter by company, client or account shows all their posts visible to the user. Any other list
    shows only the user's own posts.
    """

    statuses: tuple[Status, ...] = ()
    platform: str | None = None
    company_id: str | None = None
    client_id: str | None = None
    social_account_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    updated_since: datetime | None = None
    text: str | None = None
    needs_attention: bool | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list. Without `ascending`, the newest or latest comes first."""

    sort: Sort = Sort.CREATED
    ascending: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a list: after the post with this time and id in one of its parts.

    `began` is the instant of the first page. `at` and `id` are None before the part's first post.
    """

    began: datetime
    part: Part = Part.MAIN
    at: datetime | None = None
    id: str | None = None
