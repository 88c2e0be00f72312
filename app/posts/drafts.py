"""What an author writes: drafts, edits, and the accounts that posts go out through. Whose they are: permitting."""

from __future__ import annotations

from typing import Any

from app.accounts.expiry import SOON
from app.alarms import arm
from app.companies.permissions import account_for, post_for, resolve_owner
from app.deps import Deps
from app.domain.companies import Right
from app.domain.errors import Conflict, NotConfigured, NotFound, invalid_field
from app.domain.explanations import SENTENCES
from app.domain.lifecycle import EDITABLE, Status
from app.domain.outcomes import may_be_out
from app.domain.post import Account, Post
from app.log import emit
from app.posts.schedule import change_post, refusal, require_publishable
from app.store.accounts import accounts
from app.store.engine import Connection
from app.store.operations import alerts
from app.store.posts import queries, transitions
from app.store.schema.tables import new_id

ACCOUNT_ALERTS = (accounts.RECONNECT_REQUIRED, SOON)
TOKEN_FIELDS = ("access_token", "refresh_token")


def create_post(deps: Deps, user_id: str, values: dict[str, Any]) -> Post:
    """A draft, the author's own or their company's. Raises Invalid when it names a company, client or account that
    it cannot be for, Forbidden, Unavailable."""
    with deps.db.transaction() as tx:
        row = values | resolve_owner(tx, user_id, values) | {"id": new_id(), "user_id": user_id}
        _require_usable_account(tx, row)
        post = transitions.create(tx, row, now=deps.clock.now(), actor=f"user:{user_id}")
    emit("post.created", post_id=post.id)
    return post


def edit_post(deps: Deps, user_id: str, post_id: str, values: dict[str, Any]) -> Post:
    """New content or media. A scheduled post keeps its time and its message, so it must stay publishable.
    Raises NotFound, Conflict, Invalid, Unavailable."""

    def change(tx: Connection, post: Post) -> Post | None:
        if post.status not in EDITABLE:
            raise refusal(post)
        if not values:
            return post
        _require_nothing_out(tx, post)
        edited = transitions.edit(tx, post, values, now=deps.clock.now())
        if edited is not None and edited.status is Status.SCHEDULED:
            require_publishable(deps, edited)
        return edited

    return change_post(deps, user_id, post_id, change)[1]


def _require_nothing_out(tx: Connection, post: Post) -> None:
    """A platform that refuses duplicates goes by the text: a new text would let a second copy through."""
    if post.attempt and any(may_be_out(attempt) for attempt in queries.attempts_of(tx, post.id)):
        raise Conflict("outcome_unknown", f"{SENTENCES['outcome_unknown']} Write a new post for a new text.")


def read_post(deps: Deps, user_id: str, post_id: str) -> Post:
    """Raises NotFound, also for a post that is not this user's to see."""
    with deps.db.reading() as connection:
        return post_for(connection, user_id, post_id, Right.READ)


def connect_account(deps: Deps, user_id: str, values: dict[str, Any]) -> Account:
    """Connect, or reconnect: the same account again takes the new tokens, and its held posts go on.
    Raises Invalid and Forbidden as `resolve_owner` does, Conflict (`account_of_another_client`), NotConfigured without
    encryption keys, Unavailable."""
    sealed = _seal(deps, values)
    with deps.db.transaction() as tx:
        owner = resolve_owner(tx, user_id, values)
        row = {"account_name": values["external_id"]} | sealed | owner | {"id": new_id(), "user_id": user_id}
        created = accounts.create(tx, row, deps.clock.now())
        identity = (user_id, values["platform"], values["external_id"], owner["company_id"])
        known = created or accounts.by_identity(tx, *identity)
    if created is not None:
        return created
    if known is None:
        raise Conflict("changed_meanwhile", "The account was removed while it was connected. Connect it again.")
    if owner["client_id"] not in (None, known.client_id):
        message = "The company has this account already, and not for this client. Remove it there first."
        raise Conflict("account_of_another_client", message)
    return change_account(deps, user_id, known.id, {name: values[name] for name in values if name not in owner})


def change_account(deps: Deps, user_id: str, account_id: str, values: dict[str, Any]) -> Account:
    """Raises NotFound, Forbidden, NotConfigured, Unavailable."""
    sealed, now = _seal(deps, values), deps.clock.now()
    reconnected = "access_token" in values
    if reconnected:
        unknown = {"expires_at": None, "refresh_expires_at": None}  # the former token's ends say nothing of this one
        sealed = unknown | sealed | {"status": accounts.ACTIVE, "connected_at": now} | accounts.UNTRIED
    with deps.db.transaction() as tx:
        account_for(tx, user_id, account_id, Right.WRITE)
        account = accounts.change(tx, account_id, user_id, sealed, now)
        if account is None:
            raise NotFound("account_not_found", "There is no such account.")
        released = release_held(deps, tx, account_id) if reconnected else []
    for post in released:
        arm(deps, post)
    return account


def remove_account(deps: Deps, user_id: str, account_id: str) -> None:
    """Raises NotFound, Forbidden; Conflict while posts are scheduled through it."""
    with deps.db.transaction() as tx:
        account_for(tx, user_id, account_id, Right.WRITE)
        busy = accounts.in_use(tx, account_id)
        if busy:
            raise Conflict("account_in_use", f"{busy} posts are scheduled through this account. Unschedule them first.")
        accounts.remove(tx, account_id, user_id)
        alerts.clear_kinds(tx, ACCOUNT_ALERTS, account_id)  # nobody can mend what is gone


def release_held(deps: Deps, tx: Connection, account_id: str) -> list[Post]:
    """Posts that were held for this account are due again, now or when they promised."""
    alerts.clear_kinds(tx, ACCOUNT_ALERTS, account_id)
    now, released = deps.clock.now(), []
    for post_id in accounts.held_posts(tx, account_id):
        post = queries.post_by_id(tx, post_id)
        at = max(now, post.scheduled_at) if post is not None and post.scheduled_at is not None else now
        freed = post and transitions.defer(
            tx, post, at=at, code=None, message=None, now=now, reason="account_reconnected"
        )
        if freed is not None:
            released.append(freed)
    return released


def _seal(deps: Deps, values: dict[str, Any]) -> dict[str, Any]:
    """The same values with the tokens encrypted."""
    sealed = dict(values)
    for name in TOKEN_FIELDS:
        if sealed.get(name) is not None:
            if deps.vault is None:
                emit("not_configured", setting="TOKEN_ENCRYPTION_KEYS")
                raise NotConfigured("not_configured", "This installation cannot keep account tokens yet.")
            sealed[name] = deps.vault.encrypt(sealed[name])
    return sealed


def _require_usable_account(tx: Connection, row: dict[str, Any]) -> None:
    account_id, platform = row.get("social_account_id"), row["platform"]
    if account_id is None:
        return
    usable = accounts.usable(tx, row["user_id"], row["company_id"], row["client_id"], platform)
    if account_id not in [account.id for account in usable]:
        message = f"There is no {platform} account with this id that this post may go out through."
        raise invalid_field("socialAccountId", "account_missing", message)
