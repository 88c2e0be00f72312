"""Decide the rows of a bulk call by the rules of the single calls. A chunk takes a fixed number of reads.

Invariant: the right to change a company's post is checked in the transaction of the change and holds until its end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app import quotas
from app.companies.permissions import require_post_right, resolve_owner
from app.deps import Deps
from app.domain.bulk import Op, Operation, moved_time
from app.domain.companies import Right
from app.domain.errors import NotFound, Refusal, Unavailable
from app.domain.lifecycle import SCHEDULABLE, Status
from app.domain.post import Account, Attempt, Post
from app.domain.times import ChosenTime, parse_chosen_time
from app.posts.bulk_rows import new_draft
from app.posts.bulk_slots import RowSlots
from app.posts.drafts import require_account_among
from app.posts.recover import require_recoverable
from app.posts.refusals import check_not_out, require_publishable, wrong_status
from app.posts.repeats import of_this_request
from app.posts.schedule import choose_account, known_warnings
from app.store.accounts import accounts
from app.store.engine import Connection
from app.store.posts import bulk_writes
from app.store.posts.bulk_writes import Move

Owner = tuple[str, str | None, str | None]  # user, company, client


@dataclass(frozen=True, slots=True)
class Planned:
    """The decision about one row: a new post, a move, or nothing where the post is as ordered already.

    `before` is the post before the row, `after` as it will be.
    """

    operation: Operation
    after: Post
    before: Post | None = None
    move: Move | None = None
    warnings: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Chunk:
    """The rows of the database that the decisions of a chunk need, each read once."""

    deps: Deps
    tx: Connection
    user_id: str
    now: datetime
    posts: dict[str, Post] = field(default_factory=dict)
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    made: dict[str, Post] = field(default_factory=dict)  # by an earlier try of the same request
    companies: dict[str, Refusal | None] = field(default_factory=dict)
    owners: dict[tuple[str | None, str | None], dict[str, str | None] | Refusal] = field(default_factory=dict)
    usable: dict[tuple[Owner, str], list[Account]] = field(default_factory=dict)
    places: quotas.PlaceCount | None = None
    slots: RowSlots = field(init=False)

    def __post_init__(self) -> None:
        self.slots = RowSlots(self.deps, self.tx, self.now)


def plan(deps: Deps, tx: Connection, user_id: str, operations: Sequence[Operation]) -> list[Planned | Refusal]:
    """Decide each of these rows, in order, and write nothing. A post is named at most once.

    Raises: Unavailable.
    """
    chunk = _Chunk(deps, tx, user_id, deps.clock.now())
    _lock_and_read(chunk, operations)
    return [_decide(chunk, operation) for operation in operations]


def _lock_and_read(chunk: _Chunk, operations: Sequence[Operation]) -> None:
    """Lock the companies in one order, then read the posts and what else the decisions need."""
    tx, user_id = chunk.tx, chunk.user_id
    ids = [one.post_id for one in operations if one.post_id is not None]
    found = bulk_writes.visible_posts(tx, user_id, ids) if ids else {}
    named = {post.company_id for post in found.values() if post.company_id is not None}
    for company_id in sorted(named):
        chunk.companies[company_id] = _refused_right(chunk, company_id)
    if named:  # read again under the locks: a right or an account may have gone since
        found = bulk_writes.visible_posts(tx, user_id, ids)
    chunk.posts = found
    chunk.attempts = bulk_writes.attempts_of(tx, [post for post in found.values() if post.attempt])
    drafts = [one.draft for one in operations if one.draft is not None]
    for owner in sorted({_named_owner(draft) for draft in drafts}, key=repr):
        chunk.owners[owner] = _owner_or_refusal(chunk, owner)
    if drafts:
        quotas.lock_owner(tx, user_id)
        keyed = [draft["id"] for draft in drafts if draft.get("id")]
        chunk.made = bulk_writes.visible_posts(tx, user_id, keyed) if keyed else {}
        chunk.places = quotas.count_places(chunk.deps.settings, tx, user_id)
    chunk.slots.lock(account.id for one in operations if one.slot for account in _accounts_of(chunk, one))


def _accounts_of(chunk: _Chunk, operation: Operation) -> list[Account]:
    """Return the accounts whose slots this row may take. Refusals come later, with the row's decision."""
    if operation.draft is None:
        post = chunk.posts.get(operation.post_id or "")
        return _named(_usable(chunk, post), post.social_account_id) if post is not None else []
    owner = chunk.owners[_named_owner(operation.draft)]
    if isinstance(owner, Refusal):
        return []
    key = (chunk.user_id, owner["company_id"], owner["client_id"])
    return _named(_usable_of(chunk, key, operation.draft["platform"]), operation.draft.get("social_account_id"))


def _named_owner(draft: dict[str, Any]) -> tuple[str | None, str | None]:
    return draft.get("company_id"), draft.get("client_id")


def _owner_or_refusal(chunk: _Chunk, owner: tuple[str | None, str | None]) -> dict[str, str | None] | Refusal:
    company_id, client_id = owner
    try:
        return resolve_owner(chunk.tx, chunk.user_id, {"company_id": company_id, "client_id": client_id})
    except Refusal as refusal:
        return _known(refusal)


def _refused_right(chunk: _Chunk, company_id: str) -> Refusal | None:
    try:
        require_post_right(chunk.tx, chunk.user_id, company_id, Right.WRITE)
    except Refusal as refusal:
        return _known(refusal)
    return None


def _known(refusal: Refusal) -> Refusal:
    """Return a refusal of one row. An absent database refuses the whole chunk.

    Raises: Unavailable.
    """
    if isinstance(refusal, Unavailable):
        raise refusal
    return refusal


def _decide(chunk: _Chunk, operation: Operation) -> Planned | Refusal:
    try:
        if operation.op is Op.CREATE:
            return _create(chunk, operation)
        return _DECISIONS[operation.op](chunk, operation, _post(chunk, operation))
    except Refusal as refusal:
        return _known(refusal)


def _post(chunk: _Chunk, operation: Operation) -> Post:
    post = chunk.posts.get(operation.post_id or "")
    if post is None:
        raise NotFound("post_not_found", "There is no such post.")
    refusal = chunk.companies.get(post.company_id) if post.company_id is not None else None
    if refusal is not None:
        raise refusal
    return post


def _create(chunk: _Chunk, operation: Operation) -> Planned:
    draft = dict(operation.draft or {})
    if made := of_this_request(chunk.made.get(draft.get("id", "")), draft, chunk.now):
        return Planned(operation, made, made)
    owner = chunk.owners[_named_owner(draft)]
    if isinstance(owner, Refusal):
        raise owner
    post = new_draft(chunk.user_id, draft | owner, chunk.now)
    usable = _usable(chunk, post)
    require_account_among(usable, {"social_account_id": post.social_account_id, "platform": post.platform})
    if operation.at is None and not operation.slot:
        _take_place(chunk, post)
        return Planned(operation, post)
    chosen = None if operation.slot else _chosen(chunk, operation)
    require_publishable(chunk.deps, post)
    account = choose_account(post, _named(usable, post.social_account_id))
    chosen = chosen or chunk.slots.next_of(account.id, post)
    _take_place(chunk, None)
    chunk.slots.note(account.id, chosen.at)
    scheduled = replace(
        post,
        status=Status.SCHEDULED,
        scheduled_at=chosen.at,
        time_zone=chosen.time_zone,
        next_attempt_at=chosen.at,
        social_account_id=account.id,
        generation=1,
        arm_count=1,
    )
    return Planned(operation, scheduled, warnings=known_warnings(chunk.deps, scheduled, account, chosen))


def _take_place(chunk: _Chunk, draft: Post | None) -> None:
    assert chunk.places is not None  # counted, because there are new posts
    size = 0
    if draft is not None:
        size = len(f"{draft.content}{json.dumps(draft.media)}{draft.image_url or ''}".encode("utf-8", "surrogatepass"))
    chunk.places.take(size)


def _usable(chunk: _Chunk, post: Post) -> list[Account]:
    return _usable_of(chunk, (post.user_id, post.company_id, post.client_id), post.platform)


def _usable_of(chunk: _Chunk, owner: Owner, platform: str) -> list[Account]:
    key = (owner, platform)
    if key not in chunk.usable:
        chunk.usable[key] = accounts.usable(chunk.tx, *owner, platform)
    return chunk.usable[key]


def _named(usable: Iterable[Account], account_id: str | None) -> list[Account]:
    """Return the accounts that the post may go out through. A post with an account has that one alone."""
    return [account for account in usable if account_id in (None, account.id)]


def _chosen(chunk: _Chunk, operation: Operation) -> ChosenTime:
    days = chunk.deps.settings.max_schedule_days
    return parse_chosen_time(operation.at or "", operation.time_zone, operation.fold, chunk.now, days)


def _schedule(chunk: _Chunk, operation: Operation, post: Post) -> Planned:
    return _reschedule(chunk, operation, post, None if operation.slot else _chosen(chunk, operation))


def _move(chunk: _Chunk, operation: Operation, post: Post) -> Planned:
    if operation.by is None:  # a place in a spread
        return _schedule(chunk, operation, post)
    if post.status is not Status.SCHEDULED:
        raise wrong_status(post)
    chosen = moved_time(post, operation.by, chunk.now, chunk.deps.settings.max_schedule_days)
    return _reschedule(chunk, operation, post, chosen)


def _reschedule(chunk: _Chunk, operation: Operation, post: Post, chosen: ChosenTime | None) -> Planned:
    """Plan a schedule for the chosen time, without one for the next free slot."""
    if post.status not in SCHEDULABLE:
        raise wrong_status(post)
    require_publishable(chunk.deps, post)
    account = choose_account(post, _named(_usable(chunk, post), post.social_account_id))
    chosen = chosen or chunk.slots.next_of(account.id, post)
    forced = check_not_out(chunk.deps, post, chunk.attempts.get(post.id, []), chosen.at, operation.force)
    chunk.slots.note(account.id, chosen.at)
    reason = "rescheduled" if post.status is Status.SCHEDULED else "scheduled"
    reason = "scheduled_by_force" if forced else reason
    move = Move(post, Status.SCHEDULED, reason, chosen.at, chosen.time_zone, account.id, chosen.at)
    after = replace(post, status=Status.SCHEDULED, scheduled_at=chosen.at, social_account_id=account.id)
    return Planned(operation, after, post, move, known_warnings(chunk.deps, after, account, chosen))


def _unschedule(chunk: _Chunk, operation: Operation, post: Post) -> Planned:
    if post.status is Status.DRAFT:
        return Planned(operation, post, post)
    if post.status is not Status.SCHEDULED:
        raise wrong_status(post)
    move = Move(post, Status.DRAFT, "unscheduled", None, None, post.social_account_id, None)
    return Planned(operation, replace(post, status=Status.DRAFT, scheduled_at=None), post, move)


def _cancel(chunk: _Chunk, operation: Operation, post: Post) -> Planned:
    if post.status is Status.CANCELLED:
        return Planned(operation, post, post)
    if post.status not in SCHEDULABLE:
        raise wrong_status(post)
    move = _as_it_is(post, Status.CANCELLED, "cancelled", None)
    return Planned(operation, replace(post, status=Status.CANCELLED), post, move)


def _retry(chunk: _Chunk, operation: Operation, post: Post) -> Planned:
    require_recoverable(post, chunk.now)
    require_publishable(chunk.deps, post)
    tries = chunk.attempts.get(post.id, [])
    forced = check_not_out(chunk.deps, post, tries, chunk.now, operation.force)
    move = _as_it_is(post, Status.SCHEDULED, "retried_by_force" if forced else "retried_by_hand", chunk.now)
    return Planned(operation, replace(post, status=Status.SCHEDULED), post, move)


def _as_it_is(post: Post, to: Status, reason: str, due: datetime | None) -> Move:
    return Move(post, to, reason, post.scheduled_at, post.time_zone, post.social_account_id, due)


_DECISIONS: dict[Op, Callable[[_Chunk, Operation, Post], Planned]] = {
    Op.SCHEDULE: _schedule,
    Op.MOVE: _move,
    Op.UNSCHEDULE: _unschedule,
    Op.CANCEL: _cancel,
    Op.RETRY: _retry,
}
