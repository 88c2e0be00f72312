"""What a published post says of itself, and which reports are believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.facts import Copy
    from tests.simulation.observer import Change
    from tests.simulation.world import World


def published_posts_say_where_and_how_late(world: World, change: Change) -> Iterator[str]:
    """Lateness always; the URN unless the report named none."""
    before, row = change.before, change.after
    if row.status != "published":
        return
    if row.lateness_ms is None:
        yield "published without its lateness"
    just_now = before is None or before.status != "published"
    if just_now and row.external_post_id is None and change.actor.notes.get("named_urn"):
        yield f"published without the URN that {change.actor.name} named"


def a_true_report_is_believed(world: World, copy: Copy) -> Iterator[str]:
    """A copy whose report was taken makes the post published, or stays an operator's business if it was cancelled."""
    row = world.facts.rows[copy.post_id]
    if row.status == "cancelled":
        world.facts.out_after_cancel.append(copy)
    elif row.status != "published":
        yield f"{copy.urn} is out and reported, and the post is {row.status}"


def a_copy_after_a_cancel_is_an_alert(world: World, _: object) -> Iterator[str]:
    """Whoever cancelled a post that went out all the same is told, in the end."""
    query = "SELECT count(*) FROM alerts WHERE kind = 'published_after_cancel' AND replace(subject, '-', '') = ?"
    for copy in world.facts.out_after_cancel:
        if not world.observer.raw.execute(query, (copy.post_id,)).fetchone()[0]:
            yield f"{copy.urn} is out and reported, the post is cancelled, and no alert says so"
