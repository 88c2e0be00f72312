"""Drafts: create, read and edit a post."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from app import quotas
from app.alarms import arm, disarm
from app.companies.permissions import post_for, resolve_owner
from app.deps import Deps
from app.domain.api_keys import Scope, scope_required
from app.domain.companies import Right
from app.domain.errors import Conflict, invalid_field
from app.domain.lifecycle import EDITABLE, Status
from app.domain.post import Account, Post
from app.domain.times import to_wire
from app.log import emit
from app.posts.changes import change_post
from app.posts.refusals import require_nothing_out, require_publishable, wrong_status
from app.store.accounts import accounts
from app.store.engine import Connection
from app.store.posts import transitions
from app.store.schema.tables import new_id


def create_post(deps: Deps, user_id: str, values: dict[str, Any]) -> Post:
    """Create a draft, the author's own or their company's.

    Raises: Invalid for a company, client or account that the post cannot be for, and above a quota. Forbidden,
    Unavailable.
    """
    with deps.db.transaction() as tx:
        post = insert_draft(deps, tx, user_id, values, deps.clock.now())
        quotas.require_draft_quota(deps.settings, tx, user_id)
    emit("post.created", post_id=post.id)
    return post


def insert_draft(deps: Deps, tx: Connection, user_id: str, values: dict[str, Any], now: datetime) -> Post:
    """Write the row of a new draft and check the quota of posts. The caller checks the quota of drafts.

    Raises: Invalid, Forbidden.
    """
    row = values | resolve_owner(tx, user_id, values) | {"id": values.get("id") or new_id(), "user_id": user_id}
    quotas.lock_owner(tx, user_id)
    _require_usable_account(tx, row)
    post = transitions.create(tx, row, now=now, actor=f"user:{user_id}")
    quotas.require_post_quota(deps.settings, tx, user_id)
    return post


@dataclass(frozen=True)
class EditTerms:
    """What an edit depends on.

    Without `may_publish` a scheduled post is refused, because its new text would go out without another decision.
    `if_updated_at` is the version that the caller has read, in whole milliseconds. Of any other version nothing is
    changed, so that two people who edit one post do not undo each other's work unseen.
    """

    may_publish: bool = True
    if_updated_at: datetime | None = None


def edit_post(deps: Deps, user_id: str, post_id: str, values: dict[str, Any], terms: EditTerms | None = None) -> Post:
    """Change content, media or the account. A scheduled post keeps its time and message, so it must stay publishable.

    A post held for its former account is due at its time again. A delivery already prepared for the former account
    fails its claim and is prepared again.

    Raises: NotFound, Forbidden, Conflict, Invalid, Unavailable.
    """
    terms = terms or EditTerms()

    def change(tx: Connection, post: Post) -> Post | None:
        if post.status not in EDITABLE:
            raise wrong_status(post)
        if post.status is Status.SCHEDULED and not terms.may_publish:
            raise scope_required(Scope.PUBLISH)
        _require_version(post, terms.if_updated_at)
        if not values:
            return post
        require_nothing_out(tx, post)
        if "social_account_id" in values:
            _require_usable_account(tx, asdict(post) | values)
        grows = post.status is Status.DRAFT and _is_larger(values, post)
        if grows:
            quotas.lock_owner(tx, post.user_id)
        edited = transitions.edit(tx, post, values, now=deps.clock.now())
        if grows and edited is not None:
            quotas.require_draft_quota(deps.settings, tx, post.user_id)
        if edited is None or edited.status is not Status.SCHEDULED:
            return edited
        require_publishable(deps, edited)
        return _release(deps, tx, edited) if _was_held(post, edited) else edited

    before, after = change_post(deps, user_id, post_id, change)
    if not _was_held(before, after):
        return after
    armed, _ = arm(deps, after, ordered_by=user_id)
    disarm(deps, before.message_id)
    return armed


def _require_version(post: Post, wanted: datetime | None) -> None:
    """Refuse an edit of a version that the caller has not read. Raises: Conflict."""
    if wanted is not None and to_wire(post.updated_at) != to_wire(wanted):
        raise Conflict("changed_meanwhile", "The post was changed since you read it. Read it again, then decide.")


def _is_larger(values: dict[str, Any], post: Post) -> bool:
    """Return True if the changed fields take more bytes than before. A smaller draft never exceeds a quota."""
    before = {name: getattr(post, name) for name in values}
    return len(json.dumps(values, ensure_ascii=False).encode()) > len(json.dumps(before, ensure_ascii=False).encode())


def _was_held(before: Post, after: Post) -> bool:
    """Return True if the post waited for another account than it has now."""
    moved = before.social_account_id != after.social_account_id
    return moved and before.status is Status.SCHEDULED and before.error_code == accounts.RECONNECT_REQUIRED


def _release(deps: Deps, tx: Connection, post: Post) -> Post | None:
    now = deps.clock.now()
    at = max(now, post.scheduled_at or now)
    return transitions.defer(tx, post, at=at, code=None, message=None, now=now, reason="account_changed")


def read_post(deps: Deps, user_id: str, post_id: str) -> Post:
    """Return the post.

    Raises: NotFound, also for a post that this user may not see.
    """
    with deps.db.reading() as connection:
        return post_for(connection, user_id, post_id, Right.READ)


def _require_usable_account(tx: Connection, row: dict[str, Any]) -> None:
    if row.get("social_account_id") is not None:
        owner = (row["user_id"], row["company_id"], row["client_id"])
        require_account_among(accounts.usable(tx, *owner, row["platform"]), row)


def require_account_among(usable: Sequence[Account], row: dict[str, Any]) -> None:
    """Check that the account named by a post's row, if any, is one of these.

    Raises: Invalid.
    """
    named = row.get("social_account_id")
    if named is not None and named not in [account.id for account in usable]:
        message = f"There is no {row['platform']} account with this id that this post may go out through."
        raise invalid_field("socialAccountId", "account_missing", message)
