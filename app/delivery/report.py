"""Apply n8n's publish-status report, once; and let a workflow ask, once, whether it may publish.

Promise: late truth wins, a replay changes nothing, and a stale failure never touches a newer attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.alarms import disarm
from app.delivery.settle import external_url, settle
from app.deps import Deps
from app.domain.errors import Conflict, NotFound
from app.domain.lifecycle import Status
from app.domain.outcomes import Outcome, Report, Verdict, may_be_out, must_hold, read_report
from app.domain.platforms import LIMITS
from app.domain.post import Attempt, Post
from app.log import emit
from app.store.operations import alerts
from app.store.posts import attempts, queries, transitions

CAS_TRIES = 5


@dataclass(frozen=True, slots=True)
class Applied:
    """Whether the report changed the post, and its status afterwards."""

    applied: bool
    status: str


def report(deps: Deps, news: Report) -> Applied:
    """Apply one report. Raises NotFound for an unknown post, Conflict for one that was never sent, Unavailable."""
    for _ in range(CAS_TRIES):
        with deps.db.reading() as connection:
            post = queries.post_by_id(connection, news.post_id)
            tries = queries.attempts_of(connection, news.post_id) if post else []
        if post is None:
            raise NotFound("post_not_found", "There is no such post.")
        attempt = _attempt_meant(news, tries)
        earlier = [t for t in tries if t.attempt < attempt.attempt and may_be_out(t)]
        verdict = read_report(news, earlier_may_be_out=bool(earlier), platform=post.platform)
        if verdict.outcome in (Outcome.PUBLISHED, Outcome.ALREADY_THERE):
            result = _published(deps, post, attempt, verdict)
        elif news.attempt is None and (earlier or _may_be_a_replay(deps, post, attempt, verdict)):
            # Which of the attempts failed is not said, and guessing wrong would send a post twice: the lease will tell.
            result = Applied(False, post.status)
        else:
            result = _failed(deps, post, attempt, verdict)
        if result is not None:
            emit("report", post_id=post.id, attempt=attempt.attempt, applied=result.applied, status=result.status)
            return result
    raise Conflict("changed_meanwhile", "The post kept changing while this was applied. Send the report again.")


def grant(deps: Deps, post_id: str, attempt: int) -> None:
    """Allow one execution of the workflow to publish this attempt. Raises Conflict ever after, and when it is over."""
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        lease_until = now + timedelta(seconds=deps.settings.publish_lease_seconds)
        granted = attempts.grant(tx, post_id, attempt, now=now, lease_until=lease_until)
    if not granted:
        raise Conflict("already_claimed", "This attempt has been claimed before or is over. Do not publish.")


def _attempt_meant(news: Report, tries: list[Attempt]) -> Attempt:
    """The attempt the report names; an old workflow names none, then the latest that was sent."""
    sent = [t for t in tries if t.sent_at is not None and news.attempt in (None, t.attempt)]
    if not sent:
        raise Conflict("never_sent", "This post, or this attempt of it, was never sent. Nothing to report.")
    return sent[-1]


def _may_be_a_replay(deps: Deps, post: Post, attempt: Attempt, verdict: Verdict) -> bool:
    """Whether it could be an earlier attempt's failure told again, on a platform where believing it makes a copy."""
    would_resend = verdict.outcome is Outcome.TRANSIENT and attempt.attempt > 1
    refuses_duplicates = LIMITS[post.platform].refuses_duplicates
    return would_resend and must_hold(deps.settings.unknown_outcome_policy, refuses_duplicates)


def _published(deps: Deps, post: Post, attempt: Attempt, verdict: Verdict) -> Applied | None:
    """The post is out: believed whatever its status is by now. None when the row moved meanwhile."""
    if post.status in (Status.PUBLISHED, Status.CANCELLED):
        return _published_again(deps, post, attempt, verdict)
    now, out = deps.clock.now(), verdict.external_id
    with deps.db.transaction() as tx:
        published = transitions.publish(
            tx,
            post,
            attempt=attempt.attempt,
            external_id=out,
            url=external_url(out),
            now=now,
            reason=verdict.outcome.value,
        )
        if published is None:
            return None
        attempts.close(tx, post.id, attempt.attempt, verdict, now)
    disarm(deps, post.message_id)
    return Applied(True, published.status)


def _published_again(deps: Deps, post: Post, attempt: Attempt, verdict: Verdict) -> Applied:
    """Nothing changes but the record of that attempt; a second copy, or one after a cancel, is an alert."""
    now, out, known = deps.clock.now(), verdict.external_id, post.external_post_id
    with deps.db.transaction() as tx:  # the alert with the record, or a replay would find it told already
        news = attempts.close(tx, post.id, attempt.attempt, verdict, now)
        if post.status is Status.CANCELLED and news:
            alerts.raise_alert(tx, "published_after_cancel", post.id, f"Cancelled, yet out as {out}.", now)
        if post.status is Status.PUBLISHED and out and known and out != known:
            alerts.raise_alert(tx, "duplicate_publish", post.id, f"Reported as {known} and again as {out}.", now)
    return Applied(False, post.status)


def _failed(deps: Deps, post: Post, attempt: Attempt, verdict: Verdict) -> Applied | None:
    """A failure settles the attempt in hand, and only records an earlier one."""
    if post.status is not Status.PUBLISHING or attempt.attempt != post.attempt:
        return _failed_late(deps, post, attempt, verdict)
    settle(deps, post, verdict)
    with deps.db.reading() as connection:
        after = queries.post_by_id(connection, post.id)
    if after is None or (after.status, after.attempt) == (post.status, post.attempt):
        return None
    return Applied(True, after.status)


def _failed_late(deps: Deps, post: Post, attempt: Attempt, verdict: Verdict) -> Applied:
    if may_be_out(attempt):
        with deps.db.transaction() as tx:
            attempts.close(tx, post.id, attempt.attempt, verdict, deps.clock.now())
    return Applied(False, post.status)
