"""Apply n8n's publish-status report once, and let one execution of the workflow publish an attempt.

Invariant: late truth wins, a replay changes nothing, and a stale failure never touches a newer attempt.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.alarms import disarm
from app.delivery.circuit import close_breaker
from app.delivery.settle import NOT_SETTLED, settle
from app.deps import Deps
from app.domain.breaker import Breaker
from app.domain.errors import Conflict, NotFound, Unavailable
from app.domain.explanations import SENTENCES
from app.domain.lifecycle import Status
from app.domain.outcomes import Outcome, Report, Verdict
from app.domain.post import Attempt, Post
from app.domain.reports import SendWindow, is_same_post, publication, read_report
from app.domain.resend import may_be_out, unproven_since
from app.log import emit
from app.store.operations import alerts, breaker
from app.store.posts import attempts, published, queries, transitions, twins
from app.store.retried_writes import win_race

CHANGED = "The post kept changing while this was applied. Send the report again."


@dataclass(frozen=True, slots=True)
class Applied:
    """Whether the report changed the post, and the status of the post after it."""

    applied: bool
    status: str


def apply_report(deps: Deps, report: Report) -> Applied:
    """Apply one report and return its effect.

    Raises: NotFound for an unknown post, Conflict for a post that was never sent, Unavailable.
    """
    return win_race(lambda: _apply(deps, report), CHANGED)


def grant_execution_claim(deps: Deps, post_id: str, attempt: int) -> None:
    """Allow one execution of the workflow to publish this attempt.

    Raises: Conflict at every later call and once the attempt is over, Unavailable.
    """
    now = deps.clock.now()
    with deps.db.transaction() as tx:
        lease_until = now + timedelta(seconds=deps.settings.publish_lease_seconds)
        granted = attempts.grant_execution_claim(tx, post_id, attempt, now=now, lease_until=lease_until)
    if not granted:
        raise Conflict("already_claimed", "This attempt has been claimed before or is over. Do not publish.")


def _apply(deps: Deps, report: Report) -> Applied | None:
    """Try to apply the report. Return None if the post changed in between."""
    with deps.db.reading() as connection:
        post = queries.post_by_id(connection, report.post_id)
        tries = queries.attempts_of(connection, report.post_id) if post else []
    if post is None:
        raise NotFound("post_not_found", "There is no such post.")
    attempt, named = _reported_attempt(report, tries)
    earlier = [t for t in tries if t.attempt < attempt.attempt and may_be_out(t)]
    window = _send_window(deps, post, [*earlier, attempt], earlier=bool(earlier))
    verdict = read_report(report, platform=post.platform, window=window, granted=attempt.asked_at is not None)
    if verdict.outcome in (Outcome.PUBLISHED, Outcome.ALREADY_THERE):
        result = _apply_published(deps, post, attempt, verdict, window)
    else:
        verdict = verdict if named else _unless_replayed(attempt, tries, verdict)
        if not named and (report.attempt is not None or (earlier and verdict.outcome is not Outcome.UNKNOWN)):
            # No sent attempt is named: a wrong guess would prove too much, so the end of the lease decides.
            result = Applied(False, post.status)
        else:
            result = _apply_failed(deps, post, attempt, verdict)
    if result is not None:
        if _had_timed_out(attempt):
            _close_breaker(deps)
        emit("report", post_id=post.id, attempt=attempt.attempt, applied=result.applied, status=result.status)
    return result


def _had_timed_out(attempt: Attempt) -> bool:
    """Return True if the send had no accepting answer. An accepted one without a report is unknown too."""
    accepted = attempt.http_status is not None and attempt.http_status < 300
    return attempt.outcome == Outcome.UNKNOWN and not accepted


def _close_breaker(deps: Deps) -> None:
    """Close the breaker: an attempt counted as a failure had reached a working, slow n8n.

    Raises nothing: the report is applied by then, and the next probe closes the breaker as well.
    """
    with suppress(Unavailable):
        with deps.db.reading() as connection:
            found = [breaker.read(connection, index) for index in range(len(deps.publishers) or 1)]
        # Of several publishers, the time-outs alone were of slow ones that work. A refusal was not.
        slow = [each for each in found if each != Breaker() and (len(found) == 1 or each.failures == 0)]
        if slow:
            with deps.db.transaction() as tx:
                for each in slow:
                    close_breaker(deps, tx, each.index)


def _reported_attempt(report: Report, tries: list[Attempt]) -> tuple[Attempt, bool]:
    """Return the sent attempt named by the report and True, else the latest one sent and False.

    Old workflows name no attempt, and broken ones name an attempt that was never made. An id from an earlier report
    names its attempt too.

    Raises: Conflict for a post that was never sent.
    """
    sent = [t for t in tries if t.sent_at is not None]
    if not sent:
        raise Conflict("never_sent", "This post was never sent. Nothing to report.")
    named = [t for t in sent if t.attempt == report.attempt]
    named = named or [t for t in sent if t.external_post_id is not None and t.external_post_id == report.external_id]
    return (named or sent)[-1], bool(named)


def _unless_replayed(attempt: Attempt, tries: list[Attempt], verdict: Verdict) -> Verdict:
    """Take an unnamed failure as unknown where an earlier attempt ran.

    It may be that one's failure again, from a second execution of one call, and believing it would prove too much. What
    it says about the account stays.
    """
    ran_before = any(t.attempt < attempt.attempt and (t.accepted_at or t.reported_at) for t in tries)
    if not ran_before:
        return verdict
    code = "outcome_unknown"
    return replace(verdict, outcome=Outcome.UNKNOWN, code=code, message=SENTENCES[code])


def _send_window(deps: Deps, post: Post, tries: list[Attempt], *, earlier: bool) -> SendWindow | None:
    """Return the time in which one of these attempts may have published the post, None if none may have."""
    since = unproven_since(tries)
    return None if since is None else SendWindow(since, deps.clock.now(), earlier, _OtherPosts(deps, post))


@dataclass(frozen=True, slots=True)
class _OtherPosts:
    """An implementation of reports.OtherPosts. Each look-up is a read."""

    deps: Deps
    post: Post

    def have(self, external_id: str) -> bool:
        with self.deps.db.reading() as connection:
            return twins.is_another_posts(connection, self.post, external_id)

    def may_have(self, created: datetime) -> bool:
        with self.deps.db.reading() as connection:
            return twins.may_be_a_twins(connection, self.post, created)


def _apply_published(
    deps: Deps, post: Post, attempt: Attempt, verdict: Verdict, window: SendWindow | None
) -> Applied | None:
    """Publish the post from any status but the final ones. Return None if the row changed in between."""
    if post.status in (Status.PUBLISHED, Status.CANCELLED):
        return _record_published(deps, post, attempt, verdict)
    now, external_id = deps.clock.now(), verdict.external_id
    with deps.db.transaction() as tx:
        published = transitions.publish(
            tx,
            post,
            attempt=attempt.attempt,
            external_id=external_id,
            published_at=publication(external_id, window, now),
            now=now,
            reason=verdict.outcome.value,
        )
        if published is None:
            return None
        attempts.close(tx, post.id, attempt.attempt, verdict, now, reported=True)
    disarm(deps, post.message_id)
    return Applied(True, published.status)


def _record_published(deps: Deps, post: Post, attempt: Attempt, verdict: Verdict) -> Applied | None:
    """Record the attempt of a post with a final status, and a published post's missing id.

    A second copy, or one after a cancel, raises an alert. Returns None if another report brought the id in between.
    """
    now, external_id, known = deps.clock.now(), verdict.external_id, post.external_post_id
    new_id = external_id if _lacks_id(post) and verdict.outcome is Outcome.PUBLISHED else None
    with deps.db.transaction() as tx:  # the alert goes with the record, or a replay would find the record without it
        if new_id and not published.add_external_id(tx, post, external_id=new_id, now=now):
            return None
        is_first = attempts.close(tx, post.id, attempt.attempt, verdict, now, reported=True)
        if post.status is Status.CANCELLED and is_first:
            detail = f"Cancelled, yet published as {external_id}."
            alerts.raise_alert(tx, "published_after_cancel", post.id, detail, now)
        if post.status is Status.PUBLISHED and external_id and known and not is_same_post(known, external_id):
            detail = f"Reported as {known} and again as {external_id}."
            alerts.raise_alert(tx, "duplicate_publish", post.id, detail, now)
    return Applied(new_id is not None, post.status)


def _lacks_id(post: Post) -> bool:
    return post.status is Status.PUBLISHED and post.external_post_id is None


def _apply_failed(deps: Deps, post: Post, attempt: Attempt, verdict: Verdict) -> Applied | None:
    """Settle the current attempt as failed. An earlier attempt is only recorded."""
    if post.status is not Status.PUBLISHING or attempt.attempt != post.attempt:
        return _record_failed(deps, post, attempt, verdict)
    if settle(deps, post, verdict).reason == NOT_SETTLED:
        raise Unavailable()  # nothing was recorded, so n8n must report again
    with deps.db.reading() as connection:
        after = queries.post_by_id(connection, post.id)
    if after is not None and verdict.outcome is Outcome.UNKNOWN:
        return Applied(after.status is not Status.PUBLISHING, after.status)
    if after is None or (after.status, after.attempt) == (post.status, post.attempt):
        return None
    return Applied(True, after.status)


def _record_failed(deps: Deps, post: Post, attempt: Attempt, verdict: Verdict) -> Applied:
    if may_be_out(attempt):
        with deps.db.transaction() as tx:
            attempts.close(tx, post.id, attempt.attempt, verdict, deps.clock.now(), reported=True)
    return Applied(False, post.status)
