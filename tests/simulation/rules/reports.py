"""Rules on the answers to reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.facts import key

if TYPE_CHECKING:
    from tests.simulation.reports import PendingReport
    from tests.simulation.routes import HttpAnswer
    from tests.simulation.world import World


def report_is_not_refused(world: World, report: tuple[PendingReport, HttpAnswer]) -> Iterator[str]:
    """No report about a sent post is refused, in whatever form its fields are."""
    pending, answer = report
    if 400 <= answer.status < 500:
        yield f"{pending.body} was answered {answer.status}: {answer.body[:200]}"


def true_report_is_applied(world: World, report: tuple[PendingReport, HttpAnswer]) -> Iterator[str]:
    """A reported copy makes the post published. A cancelled post is left to an operator."""
    pending, answer = report
    copy = pending.of_copy
    if copy is None or not answer.ok:
        return
    row = world.facts.rows[copy.post_id]
    if row.status == "cancelled":
        world.facts.copies_after_cancel.append(copy)
    elif row.status != "published":
        yield f"{copy.urn} was published and reported, but the post is {row.status}"


def duplicate_of_an_own_copy_is_published(world: World, report: tuple[PendingReport, HttpAnswer]) -> Iterator[str]:
    """A duplicate refusal that names this post's own copy makes the post published."""
    pending, answer = report
    named = pending.named
    if named is None or not answer.ok or named.post_id != key(pending.post_id):
        return
    if (named.post_id, named.attempt) in world.facts.absent:
        return  # one call ran twice: a proof of one execution hid the other's copy
    claim = world.facts.claims.get((named.post_id, named.attempt))
    if claim is not None and claim.clock_ahead:
        return  # the send is stamped later than its copy was made
    row = world.facts.rows[named.post_id]
    if any(other.external_post_id == named.urn and other is not row for other in world.facts.rows.values()):
        return  # a twin of the same text in flight has claimed it, and nothing told them apart
    if row.error_code == "outcome_unknown":
        return  # held for a person: a twin of the same text in flight may have made it
    if row.status not in ("published", "cancelled"):
        yield f"{named.urn} is this post's own copy and was named, but the post is {row.status}"
