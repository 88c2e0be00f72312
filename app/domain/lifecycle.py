"""The statuses of a post and the transitions between them."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """A post's status. A CHECK in the database has the same list of values."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = frozenset({Status.PUBLISHED, Status.CANCELLED})

#: The statuses that may follow each status. `published` may follow every status that is not final: a late report can
#: say that a draft or failed post is out, and such a post must never be sent a second time.
ALLOWED: dict[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset({Status.SCHEDULED, Status.CANCELLED, Status.PUBLISHED}),
    Status.SCHEDULED: frozenset(
        {Status.SCHEDULED, Status.DRAFT, Status.PUBLISHING, Status.FAILED, Status.CANCELLED, Status.PUBLISHED}
    ),
    Status.PUBLISHING: frozenset({Status.PUBLISHING, Status.PUBLISHED, Status.SCHEDULED, Status.FAILED}),
    Status.FAILED: frozenset({Status.SCHEDULED, Status.CANCELLED, Status.PUBLISHED}),
    Status.PUBLISHED: frozenset(),
    Status.CANCELLED: frozenset(),
}

SCHEDULABLE = frozenset({Status.DRAFT, Status.SCHEDULED, Status.FAILED})
EDITABLE = SCHEDULABLE
