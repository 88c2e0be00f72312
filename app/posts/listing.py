"""Lists and counts of posts, each post with its risks.

Invariant: a page and its risks take a fixed number of statements, however many posts it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.alarms import armed_horizon
from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.lifecycle import Status
from app.domain.post import Post
from app.domain.post_lists import Order, Place, PostFilter
from app.domain.risks import Outlook, Risk, risk, risks_of
from app.log import emit
from app.store.engine import Connection
from app.store.operations import pauses
from app.store.posts import days, pages, post_counts, queries

Risks = dict[str, list[Risk]]


@dataclass(frozen=True, slots=True)
class Cause:
    """What a number of posts need a person for. `account_id` is None where it is not about an account."""

    risk: Risk
    account_id: str | None
    count: int


def list_posts(
    deps: Deps, user_id: str, wanted: PostFilter, order: Order, place: Place | None, limit: int
) -> tuple[list[Post], Risks, Place | None]:
    """Return a page of posts, their risks by post id, and the place of the next page.

    Raises: Unavailable.
    """
    outlook = outlook_of(deps)
    with deps.db.reading() as connection:
        place = place or Place(deps.clock.now())
        found, more = pages.page(connection, user_id, wanted, limit, place, order, outlook)
        return found, _risks(connection, found, outlook), more


def count_posts(deps: Deps, user_id: str, wanted: PostFilter) -> tuple[dict[str, int], list[Cause]]:
    """Count the posts by status, and those that need a person by cause.

    Raises: Unavailable.
    """
    outlook = outlook_of(deps)
    with deps.db.reading() as connection:
        counts = post_counts.by_status(connection, user_id, wanted, outlook)
        found = [] if wanted.needs_attention is False else post_counts.causes(connection, user_id, wanted, outlook)
    return counts, [Cause(risk(code), account_id, count) for code, account_id, count in found]


def risks_by_id(deps: Deps, found: Sequence[Post]) -> Risks:
    """Return the risks of these posts by post id. Raises nothing: without a database none is known."""
    try:
        with deps.db.reading() as connection:
            return _risks(connection, found, outlook_of(deps))
    except Unavailable:
        emit("post.risks_unknown", count=len(found))
        return {}


def outlook_of(deps: Deps) -> Outlook:
    """Return what this installation can do for scheduled posts now."""
    return Outlook(
        can_refresh=deps.linkedin is not None,
        armed_before=None if deps.messages is None else armed_horizon(deps),
        checks_media=deps.media is not None and deps.settings.media_check_seconds > 0,
        daily_cap=deps.settings.account_daily_cap,
    )


def _risks(connection: Connection, found: Sequence[Post], outlook: Outlook) -> Risks:
    scheduled = [post for post in found if post.status is Status.SCHEDULED]
    if not scheduled:
        return {}
    accounts = queries.accounts_of(connection, scheduled)
    outlook = replace(outlook, is_paused=pauses.read(connection) is not None)
    over = days.over_cap(connection, scheduled, outlook.daily_cap) if outlook.daily_cap is not None else set()
    return {post.id: risks_of(post, accounts.get(post.id), outlook, post.id in over) for post in scheduled}
