"""Arm and disarm: publish and cancel the delayed message of a committed row.

Invariant: nothing here can lose a post. The row is the outbox, and the sweep finds the unarmed rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.alerts import clear_alerts, raise_alert
from app.arming_budget import affordable, may_arm
from app.deps import Deps
from app.domain.errors import Unavailable
from app.domain.keys import alarm_for, alarm_second, lease_alarm_for
from app.domain.lead import lead_for
from app.domain.ports import MessageServiceError
from app.domain.post import Post
from app.log import emit
from app.settings.armed_content import armed_content
from app.store.operations import alerts
from app.store.posts import arming
from app.store.posts.alarm_lateness import latest_alarms

#: Refusals of the message service that an operator must act on.
ALERTING = frozenset({"unreachable", "unauthorized", "quota_exceeded", "beyond_horizon"})

LEAD_FRESH = timedelta(seconds=30)  # between two measurements of the lead, in each process

#: Alerts that an accepted message ends. The horizon may still be too short for other posts.
HEALED = tuple(f"message_service_{code}" for code in sorted(ALERTING - {"beyond_horizon"}))

NOT_ARMED = (
    "not_armed",
    "The message service did not take the alarm. The post is safe and will be sent by the safety net, perhaps late.",
)
OVER_BUDGET = (
    "not_armed",
    "You have set many alarms this hour. The post is safe, and its alarm is set later: in one of the next hours, or"
    " when its time comes near.",
)
PARKED = ("parked", "The time is further ahead than the message service plans. The alarm is set as it comes nearer.")


def arm(
    deps: Deps, post: Post, *, second: int | None = None, ordered_by: str | None = None
) -> tuple[Post, tuple[str, str] | None]:
    """Publish the alarm of a committed `scheduled` row and keep its message id.

    An alarm ordered by a user is counted in the user's budget.

    Return the post, and a (code, message) warning where it is not armed. `second` is the alarm's unix second. By
    default it is a little ahead of the due instant. Raises nothing: the sweep finds an unarmed row.
    """
    due = post.next_attempt_at
    if deps.messages is None or due is None:
        return post, None
    if due >= armed_horizon(deps):
        return post, PARKED
    if ordered_by is not None and not may_arm(deps, post, ordered_by):
        emit("post.over_budget", post_id=post.id, generation=post.generation)
        return post, OVER_BUDGET
    if second is None:
        second = alarm_second(due, lead_seconds(deps))
    try:
        message_id = deps.messages.publish(alarm_for(post, second, deps.clock.now()))
    except MessageServiceError as error:
        return post, _not_armed(deps, post, error)
    return _keep_one(deps, post, message_id), None


def lead_seconds(deps: Deps) -> float:
    """Return how far ahead of its instant an alarm is set, in seconds.

    With `auto`, it is measured again every LEAD_FRESH. Raises nothing: without a database the former lead serves.
    """
    if deps.settings.dispatch_lead_seconds is not None:
        return deps.settings.dispatch_lead_seconds
    lead, now = deps.lead, deps.clock.now()
    if lead.seconds is None or lead.measured_at is None or abs(now - lead.measured_at) >= LEAD_FRESH:
        lead.measured_at = now
        lead.seconds = _measure_lead(deps, lead.seconds)
    return lead.seconds


def _measure_lead(deps: Deps, former: float | None) -> float:
    bounds = deps.settings.auto_lead_seconds
    try:
        with deps.db.reading() as connection:
            return lead_for(latest_alarms(connection), bounds)
    except Unavailable:
        return bounds[0] if former is None else former


def is_armed(deps: Deps, post: Post, *, second: int | None = None) -> bool:
    """Arm the post as `arm` does. Return False if the message service refused the alarm."""
    return arm(deps, post, second=second)[1] is not NOT_ARMED


def arm_batch(deps: Deps, batch: Sequence[Post]) -> list[Post]:
    """Arm many rows after their arming was counted. Return the refused posts."""
    if deps.messages is None or not batch:
        return list(batch)
    lead, now = lead_seconds(deps), deps.clock.now()
    alarms = [alarm_for(post, alarm_second(post.next_attempt_at, lead), now) for post in batch if post.next_attempt_at]
    answers = deps.messages.publish_batch(alarms)
    taken, refused = [], []
    for post, answer in zip(batch, answers, strict=True):
        if isinstance(answer, str):
            taken.append((post, answer))
        else:
            _not_armed(deps, post, answer)
            refused.append(post)
    _keep(deps, taken, healed=not refused)
    return refused


def arm_ordered(deps: Deps, batch: Sequence[Post], ordered_by: str) -> dict[str, tuple[str, str]]:
    """Arm committed rows of one user's order in batches, each counted in the user's budget.

    Return the (code, message) warnings by post id, of those that are not armed. Raises nothing, as `arm`.
    """
    if deps.messages is None:
        return {}
    horizon = armed_horizon(deps)
    parked = [post for post in batch if post.next_attempt_at is None or post.next_attempt_at >= horizon]
    warnings = {post.id: PARKED for post in parked}
    rest = [post for post in batch if post.id not in warnings]
    allowed = affordable(deps, rest, ordered_by)
    within = {post.id for post in allowed}
    warnings |= {post.id: OVER_BUDGET for post in rest if post.id not in within}
    return warnings | {post.id: NOT_ARMED for post in (arm_batch(deps, allowed) if allowed else ())}


def arm_lease_end(deps: Deps, post: Post, lease_until: datetime) -> bool:
    """Arm the end of one lease as `arm_lease_ends` does. Return False if the message service refused it."""
    return arm_lease_ends(deps, [(post, lease_until)])


def arm_lease_ends(deps: Deps, leased: Sequence[tuple[Post, datetime]]) -> bool:
    """Publish the alarms for the ends of these leases, in one batch. Return False if one was refused.

    Raises nothing, and keeps no message id: the sweep finds every expired lease, minutes later.
    """
    if deps.messages is None or not leased:
        return True
    now = deps.clock.now()
    answers = deps.messages.publish_batch([lease_alarm_for(post, until, now) for post, until in leased])
    errors = [answer for answer in answers if isinstance(answer, MessageServiceError)]
    for error in errors[:1]:
        emit("lease.not_armed", count=len(errors), code=error.code, error=error.detail)
        if error.code in ALERTING:
            raise_alert(deps, f"message_service_{error.code}", arming.SERVICE, error.detail)
    return not errors


def disarm(deps: Deps, message_id: str | None) -> None:
    """Cancel a message. Raises nothing: the generation protects the post, so a failure only costs a delivery."""
    if message_id is None or deps.messages is None:
        return
    try:
        deps.messages.cancel(message_id)
    except (MessageServiceError, ValueError) as error:
        emit("message.not_cancelled", message_id=message_id, error=str(error))


def disarm_many(deps: Deps, message_ids: Sequence[str]) -> None:
    """Cancel messages one by one, until the first failure. Raises nothing."""
    if deps.messages is None:
        return
    for message_id in message_ids:
        try:
            deps.messages.cancel(message_id)
        except (MessageServiceError, ValueError) as error:
            emit("message.not_cancelled", message_id=message_id, error=str(error))
            return


def disarm_batch(deps: Deps, message_ids: Sequence[str]) -> None:
    """Cancel messages in batches, until the first failure. Raises nothing, as `disarm`."""
    if deps.messages is None or not message_ids:
        return
    try:
        deps.messages.cancel_batch(message_ids)
    except (MessageServiceError, ValueError) as error:
        emit("message.not_cancelled", count=len(message_ids), error=str(error))


def armed_horizon(deps: Deps) -> datetime:
    """Return the first instant too far for an alarm: the plan's horizon, less a margin for two clocks."""
    horizon = timedelta(days=deps.settings.qstash_max_delay_days)
    return deps.clock.now() + horizon - min(timedelta(minutes=5), horizon / 10)


def _keep_one(deps: Deps, post: Post, message_id: str) -> Post:
    """Store the message id while the arming is the row's own, else cancel the message."""
    armed_as = armed_content(deps.settings)
    try:
        with deps.db.autocommit() as connection:
            stored, alerted = arming.store_message(connection, post, message_id, HEALED, armed_as)
    except Exception as error:
        _log_not_kept([post], error)
        return post
    if alerted:
        clear_alerts(deps, HEALED, arming.SERVICE)
    if not stored:
        disarm(deps, message_id)
        return post
    return replace(post, message_id=message_id, armed_as=armed_as)


def _keep(deps: Deps, taken: list[tuple[Post, str]], *, healed: bool) -> None:
    """Store the message ids of armed posts, and cancel the messages of rows changed meanwhile.

    A reschedule, or the delivery itself, can be quicker than the message service's answer. `healed` says that the
    service refused nothing, which ends the alerts of earlier refusals.
    """
    if not taken:
        return
    try:
        with deps.db.transaction() as tx:
            stored = arming.store_messages(tx, taken, armed_content(deps.settings))
            if healed:
                alerts.clear_kinds(tx, HEALED, arming.SERVICE)
    except Exception as error:
        _log_not_kept(taken, error)
        return
    for post, message_id in taken:
        if post.id not in stored:
            disarm(deps, message_id)


def _log_not_kept(taken: Sequence[object], error: Exception) -> None:
    """Log that message ids are lost. The messages are out and will be delivered."""
    emit("message.not_kept", count=len(taken), error=type(error).__name__)


def _not_armed(deps: Deps, post: Post, error: MessageServiceError) -> tuple[str, str]:
    emit("post.not_armed", post_id=post.id, generation=post.generation, code=error.code, error=error.detail)
    if error.code in ALERTING:
        raise_alert(deps, f"message_service_{error.code}", arming.SERVICE, error.detail)
    return NOT_ARMED
