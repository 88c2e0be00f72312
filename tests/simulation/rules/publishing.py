"""Rules on published posts and on applied reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.facts import Copy
    from tests.simulation.observer import Change
    from tests.simulation.world import World


def published_posts_have_lateness_and_urn(world: World, change: Change) -> Iterator[str]:
    """A published post has its lateness, and the URN if the report named one."""
    before, row = change.before, change.after
    if row.status != "published":
        return
    if row.lateness_ms is None:
        yield "published without its lateness"
    just_now = before is None or before.status != "published"
    if just_now and row.external_post_id is None and change.actor.notes.get("named_urn"):
        yield f"published without the URN that {change.actor.name} named"


def true_report_is_applied(world: World, copy: Copy) -> Iterator[str]:
    """A reported copy makes the post published. A cancelled post is left to an operator."""
    row = world.facts.rows[copy.post_id]
    if row.status == "cancelled":
        world.facts.copies_after_cancel.append(copy)
    elif row.status != "published":
        yield f"{copy.urn} was published and reported, but the post is {row.status}"


def copy_after_cancel_raises_alert(world: World, _: object) -> Iterator[str]:
    """An alert exists for every copy of a cancelled post."""
    query = "SELECT count(*) FROM alerts WHERE kind = 'published_after_cancel' AND replace(subject, '-', '') = ?"
    for copy in world.facts.copies_after_cancel:
        if not world.observer.raw.execute(query, (copy.post_id,)).fetchone()[0]:
            yield f"{copy.urn} was published and reported, the post is cancelled, and there is no alert"
