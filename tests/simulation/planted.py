"""Patches that break one design rule each, to prove that the checker finds violations.

Each is a context manager that patches the running app. No file of the app is changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import sqlalchemy as sa
from werkzeug.exceptions import UnprocessableEntity

from app import alarms
from app.delivery import report, settle
from app.domain import outcomes, platforms, reports
from app.domain.explanations import platform_codes
from app.domain.lifecycle import SCHEDULABLE, Status
from app.domain.times import parse_chosen_time
from app.posts import drafts, schedule
from app.store import execute_for_rows
from app.store.posts import claim_sql, queries, transition_sql, transitions
from app.store.schema import tables
from app.web import webhooks


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
def claims_ignore_the_pause() -> Iterator[None]:
    """Look for a pause before the delivery waits, and not in the claim."""
    execute_for_rows._for_one.cache_clear()
    try:
        with mock.patch.object(claim_sql, "IS_PAUSED", sa.false()):
            yield
    finally:
        execute_for_rows._for_one.cache_clear()


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


def _guarding(platform: str, guard: timedelta) -> AbstractContextManager[Any]:
    """Let the app believe in another duplicate guard of a platform."""
    return mock.patch.dict(platforms.LIMITS, {platform: replace(platforms.LIMITS[platform], duplicate_guard=guard)})


def linkedin_guard_never_ends() -> AbstractContextManager[Any]:
    """Retry an unknown LinkedIn attempt long after the platform takes a second copy."""
    return _guarding("linkedin", timedelta(days=1))


def facebook_has_a_guard() -> AbstractContextManager[Any]:
    """Retry an unknown Facebook attempt."""
    return _guarding("facebook", timedelta(days=1))


def instagram_has_a_guard() -> AbstractContextManager[Any]:
    """Retry an unknown Instagram attempt."""
    return _guarding("instagram", timedelta(days=1))


def lost_answers_are_failures() -> AbstractContextManager[Any]:
    """Take a proxy's 504 or 520 for n8n's own failure, so the workflow seems not to have started."""
    return mock.patch.object(outcomes, "NOT_STARTED", frozenset(range(500, 600)))


def all_4xx_are_verdicts() -> AbstractContextManager[Any]:
    """Fail a post for good because n8n cannot take any request at the moment."""
    return mock.patch.object(outcomes, "VERDICTS", frozenset(range(402, 500)) - {404, 405, 408, 410, 425, 429} | {400})


@contextmanager
def granted_failures_are_believed() -> Iterator[None]:
    """Retry after any failure that calls itself retryable, also after a granted claim."""
    real = reports.read_report
    with mock.patch.object(report, "read_report", lambda given, **how: real(given, **how | {"granted": False})):
        yield


@contextmanager
def codeless_failures_are_transient() -> Iterator[None]:
    """Retry after a failure that says nothing about the publishing call."""
    real = reports._proved_outcome

    def proved(given: Any, known: Any, status: Any) -> Any:
        return real(given, known, status) if known or status else outcomes.Outcome.TRANSIENT

    with mock.patch.object(reports, "_proved_outcome", proved):
        yield


@contextmanager
def failures_of_the_platform_are_transient() -> Iterator[None]:
    """Retry after a 5xx of the publishing call."""
    real = reports._proved_outcome

    def proved(given: Any, known: Any, status: Any) -> Any:
        return outcomes.Outcome.TRANSIENT if known is None and (status or 0) >= 500 else real(given, known, status)

    with mock.patch.object(reports, "_proved_outcome", proved):
        yield


def any_urn_of_a_duplicate_is_ours() -> AbstractContextManager[Any]:
    """Believe every URN in a duplicate refusal, also that of the author's older post."""
    return mock.patch.object(reports.SendWindow, "holds", return_value=True)


def leases_end_without_an_alarm() -> AbstractContextManager[Any]:
    """Leave the end of a lease to the sweep, which comes too late for LinkedIn's guard."""
    return mock.patch.object(settle, "arm_lease_end", return_value=True)


@contextmanager
def codes_are_read_from_prose() -> Iterator[None]:
    """Read the platforms' codes from an error's prose, which may quote the post."""
    real = platform_codes.recognise

    def recognise(platform: str | None, code: str, text: str) -> Any:
        words = [code, *re.findall(r"[A-Z_]{9,}|[0-9]{3}", text)]
        return next((known for word in words if (known := real(platform, word, "" if word != code else text))), None)

    with mock.patch.object(platform_codes, "recognise", recognise):
        yield


@contextmanager
def bad_attempts_refuse_reports() -> Iterator[None]:
    """Refuse a report whose attempt is no number."""
    real = webhooks._as_attempt

    def as_attempt(value: Any) -> int | None:
        if value is not None and real(value) is None:
            raise UnprocessableEntity
        return real(value)

    with mock.patch.object(webhooks, "_as_attempt", as_attempt):
        yield


@contextmanager
def misnamed_attempts_are_believed() -> Iterator[None]:
    """Take a failure of an unnamed attempt for the latest one's."""
    real = report._reported_attempt
    with mock.patch.object(report, "_reported_attempt", lambda given, tries: (real(given, tries)[0], True)):
        yield


@contextmanager
def late_truth_is_ignored() -> Iterator[None]:
    """Drop a report of a published attempt once the post has failed."""
    real = report._apply_published

    def apply(deps: Any, post: Any, *how: Any) -> Any:
        return report.Applied(False, post.status) if post.status is Status.FAILED else real(deps, post, *how)

    with mock.patch.object(report, "_apply_published", apply):
        yield


@contextmanager
def media_verdicts_outlive_edits() -> Iterator[None]:
    """Let a verdict on media fail a post whose media were replaced since."""
    real = claim_sql.intent_row
    with mock.patch.object(claim_sql, "intent_row", lambda n, intent: real(n, replace(intent, version=None))):
        yield


@contextmanager
def edits_after_an_unknown_attempt() -> Iterator[None]:
    """Let an author edit a text that may be public, so no platform recognises the duplicate."""
    with mock.patch.object(drafts, "require_nothing_out", return_value=None):
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
