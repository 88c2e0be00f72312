"""Schedule, reschedule, publish now, unschedule and cancel a post.

Invariant: the row is committed before any message is sent, so no fate of the message can lose the post.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.accounts.expiry import expiry_warnings
from app.accounts.slots import take_next_slot
from app.alarms import arm, disarm
from app.companies.permissions import post_with_accounts_for
from app.deps import Deps
from app.domain.companies import Right
from app.domain.content.rules import content_warnings
from app.domain.errors import FieldError, Invalid, invalid_field
from app.domain.lifecycle import SCHEDULABLE, Status
from app.domain.post import Account, Post
from app.domain.slots import chosen_in_zone
from app.domain.times import ChosenTime, parse_chosen_time, present_time
from app.log import emit
from app.posts.changes import change_autocommit, change_in_transaction, reader
from app.posts.refusals import require_not_out, require_publishable, wrong_status
from app.posts.warnings import find_warnings
from app.store.engine import Connection
from app.store.posts import transitions

AMBIGUOUS = ("ambiguous_local_time", "The clock shows this time twice that day. See localTime for the one chosen.")


@dataclass(frozen=True, slots=True)
class Order:
    """An author's order to schedule a post: the user, the time as understood, and the instant of the order.

    `chosen` is None for the next free slot of the post's account. `force`: the author accepts a second copy of an
    attempt that may be out.
    """

    user_id: str
    chosen: ChosenTime | None
    now: datetime
    force: bool = False


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The answer to schedule: the post, the time as understood, and (code, message) warnings."""

    post: Post
    chosen: ChosenTime
    warnings: list[tuple[str, str]]


def order_for(deps: Deps, user_id: str, text: str | None, zone: str | None, fold: int, force: bool = False) -> Order:
    """Read an author's order for an instant or, without `text`, for the next free slot.

    `zone` is an IANA name, for a text without an offset. `fold` 1 picks the second of two equal local times.

    Raises: Invalid.
    """
    now, most = deps.clock.now(), deps.settings.max_schedule_days
    return Order(user_id, parse_chosen_time(text, zone, fold, now, most) if text is not None else None, now, force)


def schedule(
    deps: Deps, user_id: str, post_id: str, text: str | None, zone: str | None, fold: int, force: bool = False
) -> Scheduled:
    """Schedule or reschedule the post for an instant or the next free slot. The arguments are those of `order_for`.

    A post's own slot counts as free.

    Raises: NotFound, Invalid (`no_slots` and `no_free_slot` among its codes), Unavailable, Conflict (`force_required`
    where the post may be out already and the platform would take a second copy).
    """
    return _execute(deps, post_id, order_for(deps, user_id, text, zone, fold, force))


def publish_now(deps: Deps, user_id: str, post_id: str, force: bool = False) -> Scheduled:
    """Schedule the post for the present instant.

    Raises: as `schedule`.
    """
    now = deps.clock.now()
    return _execute(deps, post_id, Order(user_id, present_time(now), now, force))


def _execute(deps: Deps, post_id: str, order: Order) -> Scheduled:
    usable: list[Account] = []

    def read(connection: Connection, right: Right) -> Post:
        post, usable[:] = post_with_accounts_for(connection, order.user_id, post_id, right)
        return post

    apply = change_autocommit if order.chosen is not None else change_in_transaction  # a slot is taken under a lock
    before, after = apply(deps, read, lambda tx, post: write_schedule(deps, tx, post, usable, order))
    return finish_schedule(deps, before, after, usable, order)


def write_schedule(deps: Deps, tx: Connection, post: Post, usable: list[Account], order: Order) -> Post | None:
    """Write the order to the post's row. Returns None after a lost race.

    `usable` are the accounts that the post may go out through. An order for a slot needs a transaction.

    Raises: Conflict, Invalid.
    """
    if post.status not in SCHEDULABLE:
        raise wrong_status(post)
    require_publishable(deps, post)
    account_id = choose_account(post, usable).id
    chosen = order.chosen or take_next_slot(deps, tx, account_id, post.id, order.now)
    forced = require_not_out(deps, tx, post, chosen.at, order.force)
    return transitions.schedule(
        tx,
        post,
        at=chosen.at,
        time_zone=chosen.time_zone,
        account_id=account_id,
        now=order.now,
        actor=f"user:{order.user_id}",
        forced=forced,
    )


def finish_schedule(deps: Deps, before: Post, after: Post, usable: list[Account], order: Order) -> Scheduled:
    """Arm a committed schedule, disarm the former message, and collect the warnings."""
    chosen = order.chosen or chosen_in_zone(after.scheduled_at or order.now, after.time_zone)
    account = next(one for one in usable if one.id == after.social_account_id)
    warnings = known_warnings(deps, after, account, chosen)
    armed, warning = arm(deps, after, ordered_by=order.user_id)
    disarm(deps, before.message_id)
    emit("post.scheduled", post_id=after.id, generation=after.generation, due=chosen.at.isoformat(), armed=armed.armed)
    warnings += [warning] if warning else []
    return Scheduled(armed, chosen, warnings + find_warnings(deps, after))


def known_warnings(deps: Deps, post: Post, account: Account, chosen: ChosenTime) -> list[tuple[str, str]]:
    """Return the warnings about a schedule that need no other post."""
    warnings = ([AMBIGUOUS] if chosen.ambiguous else []) + expiry_warnings(deps, account, chosen.at)
    return warnings + content_warnings(post.platform, post.content, post.media, post.image_url, post.post_type)


def unschedule(deps: Deps, user_id: str, post_id: str) -> Post:
    """Make a scheduled post a draft again. A draft stays one.

    Raises: NotFound, Unavailable, Conflict (`in_flight` while publishing).
    """

    def change(tx: Connection, post: Post) -> Post | None:
        if post.status is Status.DRAFT:
            return post
        if post.status is not Status.SCHEDULED:
            raise wrong_status(post)
        return transitions.unschedule(tx, post, now=deps.clock.now(), actor=f"user:{user_id}")

    before, after = change_autocommit(deps, reader(user_id, post_id), change)
    disarm(deps, before.message_id)
    emit("post.unscheduled", post_id=after.id, generation=after.generation)
    return after


def cancel(deps: Deps, user_id: str, post_id: str) -> Post:
    """Cancel the post for good. A cancelled post stays so.

    Raises: NotFound, Conflict, Unavailable.
    """

    def change(tx: Connection, post: Post) -> Post | None:
        if post.status is Status.CANCELLED:
            return post
        if post.status not in SCHEDULABLE:
            raise wrong_status(post)
        return transitions.cancel(tx, post, now=deps.clock.now(), actor=f"user:{user_id}")

    before, after = change_autocommit(deps, reader(user_id, post_id), change)
    disarm(deps, before.message_id)
    emit("post.cancelled", post_id=after.id, generation=after.generation)
    return after


def choose_account(post: Post, usable: list[Account]) -> Account:
    """Return the post's account, or the only usable one. A client's own accounts go before the company's.

    Raises: Invalid where there is none, or more than one.
    """
    usable = [account for account in usable if account.client_id == post.client_id] or usable
    if len(usable) == 1:
        return usable[0]
    if usable:
        count, owner = len(usable), "You have" if post.company_id is None else "The company has"
        message = f"{owner} {count} {post.platform} accounts: say which one in socialAccountId."
        raise Invalid(
            "account_ambiguous", message, [FieldError("socialAccountId", "account_ambiguous", message, 1, count)]
        )
    if post.social_account_id is not None:
        gone = "The account of this post is gone. Give the post another one with PATCH and socialAccountId."
        raise invalid_field("socialAccountId", "account_missing", gone)
    raise invalid_field("socialAccountId", "account_missing", f"Connect a {post.platform} account first.")
