"""Change a post: read it, decide, write with a compare-and-set, and try again after a lost race.

Invariant: the right to change a company's post is checked in the transaction of the change and holds until its end.
"""

from __future__ import annotations

from collections.abc import Callable

from app.companies.permissions import post_for
from app.deps import Deps
from app.domain.companies import Right
from app.domain.post import Post
from app.store.engine import Connection
from app.store.retried_writes import win_race

Read = Callable[[Connection, Right], Post]
#: Decides and writes. Returns the changed post, the same post for a no-op, or None after a lost race.
Change = Callable[[Connection, Post], Post | None]
BeforeAndAfter = tuple[Post, Post]
CHANGED = "The post kept changing while this was tried. Look at it and try again."


def change_post(deps: Deps, user_id: str, post_id: str, change: Change) -> BeforeAndAfter:
    """Apply `change` in a transaction. Return the post before and after.

    Raises: NotFound, Forbidden, Conflict, Unavailable, and the errors of `change`.
    """
    return change_in_transaction(deps, reader(user_id, post_id), change)


def change_in_transaction(deps: Deps, read: Read, change: Change) -> BeforeAndAfter:
    """Apply `change` in a transaction to the post that `read` finds.

    Raises: as `change_post`.
    """
    return win_race(lambda: _in_transaction(deps, read, change), CHANGED)


def change_autocommit(deps: Deps, read: Read, change: Change) -> BeforeAndAfter:
    """Apply a `change` of one statement without a transaction, to save its round trips.

    A company's post is changed in a transaction: the right to change it must hold until the change.
    """

    def attempt() -> BeforeAndAfter | None:
        with deps.db.autocommit() as connection:
            before = read(connection, Right.READ)
            if before.company_id is None:
                return _won(before, change(connection, before))
        return _in_transaction(deps, read, change)

    return win_race(attempt, CHANGED)


def reader(user_id: str, post_id: str) -> Read:
    """Return a reader of this post for this user."""
    return lambda connection, right: post_for(connection, user_id, post_id, right)


def _in_transaction(deps: Deps, read: Read, change: Change) -> BeforeAndAfter | None:
    with deps.db.transaction() as tx:
        before = read(tx, Right.WRITE)
        return _won(before, change(tx, before))


def _won(before: Post, after: Post | None) -> BeforeAndAfter | None:
    return None if after is None else (before, after)
