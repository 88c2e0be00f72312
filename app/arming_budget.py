"""The budget of alarms for each user and hour. One user's orders never use up the message quota of all.

Invariant: a spent budget, or one that cannot be read, loses no post. The sweep arms the post later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.fairness import owner_of
from app.domain.post import Post
from app.log import emit
from app.store.posts import armings

#: A post due within this time may not wait for the next sweeps to be armed, so it has a reserve beside the budget.
NEAR = timedelta(minutes=15)
WITH_RESERVE = 2  # times the budget


def may_arm(deps: Deps, post: Post, user_id: str) -> bool:
    """Count one alarm ordered by this user. Return False where the budget of this hour is spent.

    A post due soon may also spend a reserve as large as the budget.
    """
    now, budget = deps.clock.now(), deps.settings.armings_per_user_hour
    limit = budget * WITH_RESERVE if _is_near(deps, post) else budget
    try:
        with deps.db.autocommit() as connection:
            return armings.spend(connection, user_id, now, limit)
    except Unavailable:
        return True


def affordable(deps: Deps, batch: Sequence[Post], user_id: str) -> list[Post]:
    """Count the alarms ordered by this user for a batch. Return the posts within the budget, those due soon first."""
    now, budget = deps.clock.now(), deps.settings.armings_per_user_hour
    by_due = sorted(batch, key=lambda post: post.next_attempt_at or now)
    near = [post for post in by_due if _is_near(deps, post)]
    far = by_due[len(near) :]
    try:
        with deps.db.autocommit() as connection:
            of_near = armings.spend_many(connection, user_id, now, len(near), budget * WITH_RESERVE)
            of_far = armings.spend_many(connection, user_id, now, len(far), budget)
    except Unavailable:
        return by_due
    return near[:of_near] + far[:of_far]


def within_budget(deps: Deps, batch: Sequence[Post]) -> list[Post]:
    """Return the posts of a batch that the sweep may arm: those due soon, and others within their owner's budget."""
    try:
        with deps.db.reading() as connection:
            spent = Counter(armings.spent_by(connection, {owner_of(post) for post in batch}, deps.clock.now()))
    except Unavailable:
        return list(batch)
    chosen = []
    for post in batch:
        if _is_near(deps, post) or spent[owner_of(post)] < deps.settings.armings_per_user_hour:
            spent[owner_of(post)] += 1
            chosen.append(post)
    return chosen


def count_armed(deps: Deps, armed: Sequence[Post]) -> None:
    """Count alarms set by the sweep for their owners. Raises nothing."""
    try:
        with deps.db.transaction() as tx:
            armings.add(tx, Counter(map(owner_of, armed)), deps.clock.now())
    except Unavailable as error:
        emit("armings.not_counted", count=len(armed), error=type(error).__name__)


def _is_near(deps: Deps, post: Post) -> bool:
    return post.next_attempt_at is not None and post.next_attempt_at - deps.clock.now() <= NEAR
