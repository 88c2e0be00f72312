"""Patches that break one design rule each, to prove that the checker finds violations.

Each is a context manager that patches the running app. No file of the app is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import sqlalchemy as sa

from app import alarms
from app.delivery import leases, prepare, send
from app.domain.lifecycle import SCHEDULABLE, Status
from app.domain.times import parse_chosen_time
from app.posts import schedule
from app.store.posts import queries, transition_sql, transitions
from app.store.schema import tables


@contextmanager
def claim_without_generation() -> Iterator[None]:
    """Let a claim ignore the generation, so it overrides later decisions of the author."""
    real = transitions.claim

    def claim(tx: Any, group: Any, **how: Any) -> Any:
        c = tables.posts.c
        now = [tx.execute(sa.select(c.generation).where(c.id == intent.post_id)).scalar() for intent in group]
        return real(tx, [replace(intent, generation=g) for intent, g in zip(group, now, strict=True)], **how)

    with mock.patch.object(transitions, "claim", claim):
        yield


@contextmanager
def finish_without_attempt() -> Iterator[None]:
    """Let a finisher check id, status and generation only, so it may overwrite its successor."""

    def matches(post: Any) -> list[Any]:
        c = tables.posts.c
        always_true = sa.literal(0) <= post.attempt
        return [c.id == post.id, c.status == post.status, c.generation == post.generation, always_true]

    transition_sql._build_cached.cache_clear()
    try:
        with mock.patch.object(transition_sql, "matches", matches):
            yield
    finally:
        transition_sql._build_cached.cache_clear()


@contextmanager
def arm_before_commit() -> Iterator[None]:
    """Publish the message before the row is committed."""
    real = schedule.schedule

    def schedule_early(deps: Any, user_id: str, post_id: str, text: str, *how: Any) -> Any:
        with deps.db.reading() as connection:
            post = queries.post_by_id(connection, post_id, user_id)
        if post is not None and post.status in SCHEDULABLE:
            at = parse_chosen_time(text, None, 0, deps.clock.now(), deps.settings.max_schedule_days).at
            coming = replace(post, status=Status.SCHEDULED, generation=post.generation + 1, next_attempt_at=at)
            alarms.arm(deps, coming)
        return real(deps, user_id, post_id, text, *how)

    with mock.patch.object(schedule, "schedule", schedule_early):
        yield


@contextmanager
def retry_unknown_everywhere() -> Iterator[None]:
    """Retry unknown outcomes even where nothing prevents a second copy."""
    with ExitStack() as patches:
        for module in (leases, prepare, send):
            patches.enter_context(mock.patch.object(module, "may_resend", return_value=True))
        yield


@contextmanager
def deferral_gives_the_attempt_back() -> Iterator[None]:
    """Lower the attempt number after a deferral, so the next claim reuses it."""
    real = transitions.defer

    def defer(tx: Any, post: Any, **how: Any) -> Any:
        deferred = real(tx, post, **how)
        back = sa.func.max(tables.posts.c.attempt - 1, 0)
        tx.execute(sa.update(tables.posts).where(tables.posts.c.id == post.id).values(attempt=back))
        return deferred

    with mock.patch.object(transitions, "defer", defer):
        yield


@dataclass(frozen=True, slots=True)
class Break:
    """One patch. `caught_by` names the rule that must report it. `extra_faults` are enabled in every seed."""

    context: Callable[[], AbstractContextManager[None]]
    caught_by: str
    extra_faults: tuple[str, ...] = ()


BREAKS = {
    "arm-before-commit": Break(arm_before_commit, "messages_follow_commits"),
    "claim-without-generation": Break(claim_without_generation, "delivery_claims_only_its_generation", ("slowness",)),
    "deferral-gives-the-attempt-back": Break(deferral_gives_the_attempt_back, "counters_never_go_down"),
    "finish-without-attempt": Break(
        finish_without_attempt, "stale_workers_change_nothing", ("stall", "n8n_acts_late", "report_lost")
    ),
    "retry-unknown-everywhere": Break(retry_unknown_everywhere, "only_retryable_attempts_are_resent"),
}
