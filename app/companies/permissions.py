"""Permissions: find a post, an account or a company for a user, or say why not. Rights are checked here alone.

Invariant: a thing that a user may not see is NotFound, and a thing they may see but not change is Forbidden. A right to
change is checked inside the transaction of the change and holds until its end.
"""

from __future__ import annotations

from typing import Any

from app.domain.companies import RIGHTS, Client, Right, Role
from app.domain.errors import Forbidden, NotFound, invalid_field
from app.domain.post import Account, Post
from app.store.accounts import accounts
from app.store.companies import access, clients
from app.store.engine import Connection
from app.store.posts import queries

NEEDED = {Right.WRITE: "an editor or an owner", Right.GOVERN: "an owner"}


def post_for(connection: Connection, user_id: str, post_id: str, right: Right) -> Post:
    """Return the post if the user has this right to it.

    Raises: NotFound, Forbidden.
    """
    post = queries.post_by_id(connection, post_id, user_id)
    if post is None or not _has(connection, user_id, post.company_id, right):
        raise _no_such_post()
    return post


def post_with_accounts_for(
    connection: Connection, user_id: str, post_id: str, right: Right
) -> tuple[Post, list[Account]]:
    """Return the post and the accounts it may go out through.

    Raises: NotFound, Forbidden.
    """
    post, usable = queries.post_with_accounts(connection, post_id, user_id)
    if post is None or not _has(connection, user_id, post.company_id, right):
        raise _no_such_post()
    if right is not Right.READ and post.company_id is not None:
        # Read again under the lock: an account may have been withdrawn since.
        post, usable = queries.post_with_accounts(connection, post_id, user_id)
        if post is None:
            raise _no_such_post()
    return post, usable


def account_for(connection: Connection, user_id: str, account_id: str, right: Right) -> Account:
    """Return the account if the user has this right to it.

    Raises: NotFound, Forbidden.
    """
    account = accounts.by_id(connection, account_id, user_id)
    if account is None or not _has(connection, user_id, account.company_id, right):
        raise NotFound("account_not_found", "There is no such account.")
    return account


def require_member(connection: Connection, user_id: str, company_id: str, right: Right, *, alone: bool = False) -> Role:
    """Return the caller's role. `alone` locks the company for a change of its members or clients.

    Raises: NotFound, Forbidden.
    """
    role = _role(connection, user_id, company_id, right, alone)
    if role is None:
        raise NotFound("company_not_found", "There is no such company.")
    return role


def require_post_right(tx: Connection, user_id: str, company_id: str, right: Right) -> None:
    """Check the right to a company's posts, for posts that the caller may read.

    Raises: NotFound for a user who has left the company, Forbidden.
    """
    if not _has(tx, user_id, company_id, right):
        raise _no_such_post()


def client_for(connection: Connection, company_id: str, client_id: str) -> Client:
    """Return the client of a company whose member the caller is.

    Raises: NotFound.
    """
    client = clients.by_id(connection, client_id)
    if client is None or client.company_id != company_id:
        raise NotFound("client_not_found", "There is no such client.")
    return client


def resolve_owner(tx: Connection, user_id: str, values: dict[str, Any]) -> dict[str, str | None]:
    """Return the owner that a new post or account names: `company_id` and `client_id`, None for the user's own.

    A client alone names its company too.

    Raises: Invalid where the caller is no member or the client is another company's, Forbidden.
    """
    company_id, client_id = values.get("company_id"), values.get("client_id")
    if company_id is None and client_id is None:
        return {"company_id": None, "client_id": None}
    named = clients.by_id(tx, client_id) if client_id is not None else None
    company_id = company_id or (named.company_id if named else None)
    if company_id is None or _role(tx, user_id, company_id, Right.WRITE) is None:
        if values.get("company_id") is None:
            raise _no_such_client()
        raise invalid_field("companyId", "company_not_found", "You are in no company with this id.")
    # Read again under the lock: the client may have been removed since.
    client = clients.by_id(tx, client_id) if client_id is not None else None
    if client_id is not None and (client is None or client.company_id != company_id):
        raise _no_such_client()
    return {"company_id": company_id, "client_id": client_id}


def _no_such_post() -> Exception:
    return NotFound("post_not_found", "There is no such post.")


def _no_such_client() -> Exception:
    return invalid_field("clientId", "client_not_found", "The company has no client with this id.")


def _has(connection: Connection, user_id: str, company_id: str | None, right: Right) -> bool:
    """Return False for a user who has left the company since the read."""
    return company_id is None or right is Right.READ or _role(connection, user_id, company_id, right) is not None


def _role(connection: Connection, user_id: str, company_id: str, right: Right, alone: bool = False) -> Role | None:
    """Return the role of a member with this right, None for a stranger.

    Raises: Forbidden for a member without it.
    """
    if alone or right is not Right.READ:
        access.lock_company(connection, company_id, exclusive=alone)
    role = access.role_of(connection, company_id, user_id)
    if role is not None and right not in RIGHTS[role]:
        raise Forbidden(
            "role_insufficient", f"You are {_with_article(role)} of this company. This needs {NEEDED[right]}."
        )
    return role


def _with_article(role: Role) -> str:
    return f"a {role}" if role is Role.VIEWER else f"an {role}"
