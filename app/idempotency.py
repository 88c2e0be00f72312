"""Lock idempotency keys and store the answers of their requests, for the web layer.

Invariant: a key's lock is committed before the work of its request begins. A kept answer is given only to a user who
may still read its posts and companies.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from weakref import WeakKeyDictionary

from app.deps import Deps
from app.domain.errors import Unavailable
from app.quotas import require_key_quota
from app.store.companies import access, clients
from app.store.engine import Database
from app.store.operations import idempotency
from app.store.operations.idempotency import KeyLock, KeyRecord

__all__ = ["KeyLock", "KeyRecord", "Subjects", "finish", "lock_key", "may_replay", "release"]

KEPT_FOR = idempotency.KEPT_FOR
LEASE = timedelta(seconds=60)  # longer than any request. A holder silent for longer has died.
TRIES = 3
MAX_UNRELEASED = 1_000  # in one process. Older locks end with their leases
#: Locks of ended requests that an absent database kept from being released. The next request with a key does it.
_unreleased: WeakKeyDictionary[Database, deque[KeyLock]] = WeakKeyDictionary()
COUNT_ONE_OF = 50  # new keys. A count reads up to the whole quota, so the quota is exceeded by 50 on average


def lock_key(deps: Deps, user_id: str, key: str, fingerprint: str) -> KeyLock | KeyRecord | None:
    """Lock the user's key for a request, or return the record of its use.

    `fingerprint` identifies the request. Returns None if the row kept disappearing between two statements. The key is
    then in use by concurrent requests, and the caller should try later.

    Raises: Invalid above the quota.
    """
    for _ in range(TRIES):
        now = deps.clock.now()
        bounds = {"now": now, "lease_until": now + LEASE, "keep": now + KEPT_FOR}
        ended = list(_unreleased.get(deps.db, deque[KeyLock]()).copy())  # a copy: other threads append
        with deps.db.transaction() as tx:
            for lock in ended:
                idempotency.release(tx, lock)
            found = idempotency.begin(tx, user_id, key, fingerprint, **bounds)
            if isinstance(found, KeyLock) and deps.random() * COUNT_ONE_OF < 1:
                require_key_quota(deps.settings, tx, user_id, now)
        _forget(deps.db, ended)
        if found is not None:
            return found
    return None


@dataclass(slots=True)
class Subjects:
    """The ids of the objects that a request and its answer are about."""

    posts: set[str] = field(default_factory=set)
    companies: set[str] = field(default_factory=set)
    clients: set[str] = field(default_factory=set)


def may_replay(deps: Deps, user_id: str, subjects: Subjects) -> bool:
    """Return True if the user may still read all of these. A post that is gone, such as a pruned one, is no hindrance.

    Raises: Unavailable.
    """
    if not (subjects.posts or subjects.companies or subjects.clients):
        return True
    with deps.db.reading() as connection:
        wanted = subjects.companies | clients.owners_of(connection, subjects.clients)
        if access.companies_of(connection, user_id, wanted) != wanted:
            return False
        return not access.hidden_posts(connection, user_id, subjects.posts)


def finish(
    deps: Deps, lock: KeyLock, status: int, headers: dict[str, str], body: str, content_at: int | None = None
) -> None:
    """Store the request's answer. Does nothing if the lock expired and another request has the key now.

    `content_at` is the place in `body` at which the text of the request was left out.

    Raises: Unavailable when the database does not answer.
    """
    with deps.db.transaction() as tx:
        idempotency.finish(tx, lock, status, headers, body, content_at)


def release(deps: Deps, lock: KeyLock) -> None:
    """Release the key without an answer, so the same request can be tried again at once.

    Raises: Unavailable when the database does not answer. The next request with a key releases it then.
    """
    try:
        with deps.db.transaction() as tx:
            idempotency.release(tx, lock)
    except Unavailable:
        _unreleased.setdefault(deps.db, deque(maxlen=MAX_UNRELEASED)).append(lock)
        raise


def _forget(db: Database, released: list[KeyLock]) -> None:
    """Remove locks that have been released. Another thread may have removed them too."""
    for lock in released:
        with suppress(ValueError):
            _unreleased[db].remove(lock)
