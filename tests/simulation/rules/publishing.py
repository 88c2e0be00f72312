"""Rules on published posts: each is public, under the id that Punctual names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.facts import OWN_POST
from tests.simulation.kernel import SECOND

if TYPE_CHECKING:
    from tests.simulation.facts import Copy
    from tests.simulation.observer import Change
    from tests.simulation.world import World

TOLERANCE = 8 * SECOND  # µs around a send in which no id can tell the author's own post from ours


def published_posts_are_public(world: World, change: Change) -> Iterator[str]:
    """A post is published only once a copy of it is public. Without one it is lost without a word."""
    row, just_now = change.after, change.before is None or change.before.status != "published"
    if row.status != "published" or not just_now:
        return
    if _copies(world, row.id):
        return
    if _is_undecidable(world, row.id, row.external_post_id):
        world.facts.excused["claimed the copy of a twin in flight, or the author's"] += 1
    else:
        yield f"published as {row.external_post_id}, but no copy of it is public"


def claimed_id_is_of_an_own_copy(world: World, change: Change) -> Iterator[str]:
    """The id of a published post is the id of one of its copies."""
    row, before = change.after, change.before
    urn = row.external_post_id
    if urn is None or (before is not None and before.external_post_id == urn):
        return
    if urn not in [copy.urn for copy in _copies(world, row.id)] and not _is_undecidable(world, row.id, urn):
        yield f"claims {urn}, which is {_describe(world, urn)}"


def published_posts_have_lateness_and_urn(world: World, change: Change) -> Iterator[str]:
    """A published post has its lateness, and the id if the report named one."""
    before, row = change.before, change.after
    if row.status != "published":
        return
    if row.lateness_ms is None:
        yield "published without its lateness"
    just_now = before is None or before.status != "published"
    report = change.actor.notes.get("report")
    if (
        just_now
        and row.external_post_id is None
        and report
        and report.body.keys() & {"linkedinPostUrn", "externalPostId"}
    ):
        yield f"published without the id that {change.actor.name} named"


def copy_after_cancel_raises_alert(world: World, _: object) -> Iterator[str]:
    """An alert exists for every copy of a cancelled post."""
    query = "SELECT count(*) FROM alerts WHERE kind = 'published_after_cancel' AND replace(subject, '-', '') = ?"
    for copy in world.facts.copies_after_cancel:
        if not world.observer.raw.execute(query, (copy.post_id,)).fetchone()[0]:
            yield f"{copy.urn} was published and reported, the post is cancelled, and there is no alert"


def _copies(world: World, post_id: str) -> list[Copy]:
    return [copy for copy in world.facts.copies if copy.post_id == post_id]


def _is_undecidable(world: World, post_id: str, urn: str | None) -> bool:
    """Return True if nothing that Punctual was given tells this copy from its own.

    The copy is the author's own, or that of another post whose report has not come. It was made after we may have sent:
    a send noted as begun may have gone out, and n8n may have executed it late.
    """
    copy = next((one for one in world.platforms.public if one.urn == urn), None)
    begun = world.facts.begun.get(post_id)
    if copy is None or begun is None or copy.at < begun - TOLERANCE:
        return False
    if copy.post_id == OWN_POST:
        return True
    return world.facts.rows[copy.post_id].external_post_id != urn


def _describe(world: World, urn: str) -> str:
    copy = next((one for one in world.platforms.public if one.urn == urn), None)
    if copy is None:
        return "no public post"
    return "the author's own post" if copy.post_id == OWN_POST else f"the copy of post {copy.post_id[:4]}"
