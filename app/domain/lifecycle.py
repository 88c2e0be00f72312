"""The lifecycle of a post: its statuses, which may follow which, and who may be in flight."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The stored values; one CHECK in the database holds the same list."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = frozenset({Status.PUBLISHED, Status.CANCELLED})

#: Which status may follow which. Late truth lets `published` follow every status but the final ones: a report that a
#: post is out is a fact, and a draft or failed post that is already out must never be sent a second time.
ALLOWED: dict[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset({Status.SCHEDULED, Status.CANCELLED, Status.PUBLISHED}),
    Status.SCHEDULED: frozenset(
        {Status.SCHEDULED, Status.DRAFT, Status.PUBLISHING, Status.CANCELLED, Status.PUBLISHED}
    ),
    Status.PUBLISHING: frozenset({Status.PUBLISHING, Status.PUBLISHED, Status.SCHEDULED, Status.FAILED}),
    Status.FAILED: frozenset({Status.SCHEDULED, Status.CANCELLED, Status.PUBLISHED}),
    Status.PUBLISHED: frozenset(),
    Status.CANCELLED: frozenset(),
}

SCHEDULABLE = frozenset({Status.DRAFT, Status.SCHEDULED, Status.FAILED})
EDITABLE = SCHEDULABLE
