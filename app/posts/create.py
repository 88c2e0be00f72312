"""Create a post in one call: scheduled at once, or as a copy of another post.

Invariant: a refused call leaves no row. The row is committed before its message is sent.
"""

from __future__ import annotations

from typing import Any

from app import quotas
from app.companies.permissions import post_for
from app.deps import Deps
from app.domain.companies import Right
from app.domain.post import Account, Post
from app.log import emit
from app.posts.drafts import insert_draft
from app.posts.schedule import Order, Scheduled, finish_schedule, write_schedule
from app.store.accounts import accounts
from app.store.companies import clients
from app.store.engine import Connection

COPIED = ("content", "platform", "post_type", "media", "image_url", "company_id", "client_id", "social_account_id")


def create_scheduled(deps: Deps, values: dict[str, Any], order: Order) -> Scheduled:
    """Create a draft and schedule it in one transaction, then arm it.

    Raises: the errors of `drafts.create_post` and of `schedule`. No row is left then. The quota of drafts does not
    count, because the post is none.
    """
    with deps.db.transaction() as tx:
        draft, scheduled, usable = insert_scheduled(deps, tx, values, order)
    emit("post.created", post_id=draft.id)
    return finish_schedule(deps, draft, scheduled, usable, order)


def insert_scheduled(
    deps: Deps, tx: Connection, values: dict[str, Any], order: Order
) -> tuple[Post, Post, list[Account]]:
    """Write the row of a new draft and schedule it. Return the draft, the scheduled post and its usable accounts.

    Raises: Invalid, Forbidden.
    """
    draft = insert_draft(deps, tx, order.user_id, values, order.now)
    usable = _usable_accounts(tx, draft)
    named = [account for account in usable if draft.social_account_id in (None, account.id)]
    scheduled = write_schedule(deps, tx, draft, named, order)
    assert scheduled is not None  # no other transaction sees the row yet
    return draft, scheduled, named


def duplicate_post(deps: Deps, user_id: str, post_id: str, copy_id: str | None = None) -> Post:
    """Create a draft with the content, the media and the owner of another post, without its date.

    The copy names no account or client that is gone. `copy_id` is the id of a repeated request.

    Raises: NotFound, Forbidden, Invalid above a quota, Unavailable.
    """
    with deps.db.transaction() as tx:
        source = post_for(tx, user_id, post_id, Right.WRITE)
        values = {name: getattr(source, name) for name in COPIED} | {"id": copy_id}
        if source.client_id is not None and clients.by_id(tx, source.client_id) is None:
            values["client_id"] = None
        if source.social_account_id not in [account.id for account in _usable_accounts(tx, source)]:
            values["social_account_id"] = None
        copy = insert_draft(deps, tx, user_id, values, deps.clock.now())
        quotas.require_draft_quota(deps.settings, tx, user_id)
    emit("post.duplicated", post_id=copy.id, source=post_id)
    return copy


def _usable_accounts(tx: Connection, post: Post) -> list[Account]:
    return accounts.usable(tx, post.user_id, post.company_id, post.client_id, post.platform)
