"""What an author decides: schedule, reschedule, unschedule, cancel, retry or fail by hand.

Promise: the row is committed before any message is sent, so whatever happens to the message, the post is not lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.accounts.expiry import expiry_warnings
from app.alarms import arm, disarm
from app.companies.permissions import post_for, post_with_accounts_for
from app.deps import Deps
from app.domain.companies import Right
from app.domain.content.rules import check_limits, content_warnings
from app.domain.errors import Conflict, FieldError, Invalid, invalid_field
from app.domain.explanations import SENTENCES
from app.domain.lifecycle import FINAL, SCHEDULABLE, Status
from app.domain.outcomes import Outcome, Verdict, may_be_out, must_hold
from app.domain.platforms import LIMITS
from app.domain.post import Account, Post
from app.domain.times import Promise, parse_promise
from app.log import emit
from app.posts.warnings import find_warnings
from app.store.engine import Connection
from app.store.posts import attempts, queries, transitions

CAS_TRIES = 5
Read = Callable[[Connection, Right], Post]
Change = Callable[[Connection, Post], Post | None]
AMBIGUOUS = ("ambiguous_local_time", "The clock shows this time twice that day; see localTime for the one chosen.")


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The answer to schedule: the post, the promise as understood, and (code, message) warnings."""

    post: Post
    promise: Promise
    warnings: list[tuple[str, str]]


def schedule(
    deps: Deps, user_id: str, post_id: str, text: str, zone: str | None, fold: int, force: bool = False
) -> Scheduled:
    """Schedule or reschedule for the instant that `text` means. Raises NotFound, Invalid, Conflict (`force_required`
    where the post may be out already and nothing would stop a second copy), Unavailable."""
    now = deps.clock.now()
    promise = parse_promise(text, zone, fold, now, deps.settings.max_schedule_days)
    usable: list[Account] = []

    def read(connection: Connection, right: Right) -> Post:
        post, usable[:] = post_with_accounts_for(connection, user_id, post_id, right)
        return post

    def change(tx: Connection, post: Post) -> Post | None:
        if post.status not in SCHEDULABLE:
            raise refusal(post)
        require_publishable(deps, post)
        if not force:
            _require_not_out(deps, tx, post)
        account_id = _account_for(post, usable).id
        return transitions.schedule(
            tx, post, at=promise.at, time_zone=zone, account_id=account_id, now=now, actor=f"user:{user_id}"
        )

    before, after = _change_autocommit(deps, read, change)
    account = next(one for one in usable if one.id == after.social_account_id)
    warnings = ([AMBIGUOUS] if promise.ambiguous else []) + expiry_warnings(deps, account, promise.at)
    warnings += content_warnings(after.platform, after.content, after.media, after.image_url, after.post_type)
    armed, warning = arm(deps, after)
    disarm(deps, before.message_id)
    emit("post.scheduled", post_id=post_id, generation=after.generation, due=promise.at.isoformat(), armed=armed.armed)
    warnings += [warning] if warning else []
    return Scheduled(armed, promise, warnings + find_warnings(deps, after))


def unschedule(deps: Deps, user_id: str, post_id: str) -> Post:
    """Back to draft; a draft stays one. Raises NotFound, Conflict (`in_flight` while publishing), Unavailable."""

    def change(tx: Connection, post: Post) -> Post | None:
        if post.status is Status.DRAFT:
            return post
        if post.status is not Status.SCHEDULED:
            raise refusal(post)
        return transitions.unschedule(tx, post, now=deps.clock.now(), actor=f"user:{user_id}")

    return _called_off(deps, "post.unscheduled", *_change_autocommit(deps, _reader(user_id, post_id), change))


def cancel(deps: Deps, user_id: str, post_id: str) -> Post:
    """Cancelled for good; a cancelled post stays so. Raises NotFound, Conflict, Unavailable."""

    def change(tx: Connection, post: Post) -> Post | None:
        if post.status is Status.CANCELLED:
            return post
        if post.status not in SCHEDULABLE:
            raise refusal(post)
        return transitions.cancel(tx, post, now=deps.clock.now(), actor=f"user:{user_id}")

    return _called_off(deps, "post.cancelled", *_change_autocommit(deps, _reader(user_id, post_id), change))


def recover(deps: Deps, user_id: str, post_id: str, action: str, force: bool) -> Post:
    """Retry (due now, fresh budget) or fail, by hand; for failed posts and those publishing past their lease.
    Raises NotFound, Conflict (`force_required` where a retry might be a second copy), Unavailable."""
    now = deps.clock.now()

    def change(tx: Connection, post: Post) -> Post | None:
        _require_recoverable(post, now)
        if action == "fail" and post.status is Status.FAILED:
            return post
        if action == "retry":
            require_publishable(deps, post)
            if not force:
                _require_not_out(deps, tx, post)
        actor = f"user:{user_id}"
        if action == "fail":
            moved = transitions.fail_by_hand(tx, post, message=SENTENCES["failed_by_hand"], now=now, actor=actor)
        else:
            moved = transitions.retry_by_hand(tx, post, now=now, actor=actor)
        if moved is not None and post.status is Status.PUBLISHING:
            attempts.close(tx, post.id, post.attempt, Verdict(Outcome.UNKNOWN, "outcome_unknown"), now)
        return moved

    _, after = change_post(deps, user_id, post_id, change)
    emit("post.recovered", post_id=post_id, action=action, generation=after.generation)
    return arm(deps, after)[0] if after.status is Status.SCHEDULED else after


def require_publishable(deps: Deps, post: Post) -> None:
    """Raises Invalid with every limit of the platform that this post passes."""
    local = deps.settings.local
    errors = check_limits(post.platform, post.content, post.media, post.image_url, post.post_type, allow_loopback=local)
    if errors:
        raise Invalid("platform_limits", " ".join(error.message for error in errors), errors)


def _called_off(deps: Deps, event: str, before: Post, after: Post) -> Post:
    disarm(deps, before.message_id)
    emit(event, post_id=after.id, generation=after.generation)
    return after


def change_post(deps: Deps, user_id: str, post_id: str, change: Change) -> tuple[Post, Post]:
    """Read, decide, write if nothing moved in between; again if it did. Returns the post before and after.
    Raises NotFound, Forbidden, Conflict, Unavailable, and what `change` raises."""
    return _until_changed(lambda: _in_transaction(deps, _reader(user_id, post_id), change))


def _change_autocommit(deps: Deps, read: Read, change: Change) -> tuple[Post, Post]:
    """The same for a `change` that only reads and then writes one statement. A company's post is changed in a
    transaction all the same: the right to change it holds until it is changed."""

    def attempt() -> tuple[Post, Post | None]:
        with deps.db.autocommit() as connection:
            before = read(connection, Right.READ)
            if before.company_id is None:
                return before, change(connection, before)
        return _in_transaction(deps, read, change)

    return _until_changed(attempt)


def _in_transaction(deps: Deps, read: Read, change: Change) -> tuple[Post, Post | None]:
    with deps.db.transaction() as tx:
        before = read(tx, Right.WRITE)
        return before, change(tx, before)


def _until_changed(attempt: Callable[[], tuple[Post, Post | None]]) -> tuple[Post, Post]:
    for _ in range(CAS_TRIES):
        before, after = attempt()
        if after is not None:
            return before, after
    raise Conflict("changed_meanwhile", "The post kept changing while this was tried. Look at it and try again.")


def _reader(user_id: str, post_id: str) -> Read:
    return lambda connection, right: post_for(connection, user_id, post_id, right)


def refusal(post: Post) -> Conflict:
    if post.status is Status.PUBLISHING:
        return Conflict("in_flight", "The post is going out right now and can no longer be changed.")
    if post.status in FINAL:
        return Conflict(f"already_{post.status}", f"The post is {post.status}, which is final.")
    return Conflict("not_scheduled", f"The post is {post.status}, not scheduled.")


def _require_recoverable(post: Post, now: datetime) -> None:
    if post.status is Status.PUBLISHING and post.lease_until is not None and post.lease_until >= now:
        raise Conflict("in_flight", "The post is going out right now. Wait for its outcome.")
    if post.status not in (Status.FAILED, Status.PUBLISHING):
        raise Conflict(
            "not_recoverable", f"Only failed posts and stuck ones can be recovered; this one is {post.status}."
        )


def _require_not_out(deps: Deps, tx: Connection, post: Post) -> None:
    """Raises Conflict where another send could make a second copy that nothing would stop."""
    hold = must_hold(deps.settings.unknown_outcome_policy, LIMITS[post.platform].refuses_duplicates)
    if hold and post.attempt and any(may_be_out(attempt) for attempt in queries.attempts_of(tx, post.id)):
        raise Conflict("force_required", f"{SENTENCES['outcome_unknown']} Then try again with force: true.")


def _account_for(post: Post, usable: list[Account]) -> Account:
    """The post's own account, or the only one of the usable ones; a client's own before the company's."""
    usable = [account for account in usable if account.client_id == post.client_id] or usable
    if len(usable) == 1:
        return usable[0]
    if usable:
        count, whose = len(usable), "You have" if post.company_id is None else "The company has"
        message = f"{whose} {count} {post.platform} accounts: say which one in socialAccountId."
        raise Invalid(
            "account_ambiguous", message, [FieldError("socialAccountId", "account_ambiguous", message, 1, count)]
        )
    if post.social_account_id is not None:
        gone = "The account of this post is gone. Write the post anew for another account."
        raise invalid_field("socialAccountId", "account_missing", gone)
    raise invalid_field("socialAccountId", "account_missing", f"Connect a {post.platform} account first.")
