"""Writes rows of any status straight into a real database, for tests of the store."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.domain.post import Attempt, Post, Transition
from app.store.engine import Connection, Database, make_engine
from app.store.posts import pages, queries
from app.store.posts.claim_sql import Intent
from app.store.posts.transition_sql import to_post
from app.store.posts.transitions import claim as claim_group
from app.store.schema.tables import attempts, new_id, posts, social_accounts
from tests.support.fakes import START

SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
DUE = START + timedelta(minutes=10)
LEASE = START + timedelta(minutes=20)
COLUMNS_BY_STATUS: dict[str, dict[str, Any]] = {
    "draft": {},
    "scheduled": {"scheduled_at": DUE, "next_attempt_at": DUE, "message_id": "msg_1"},
    "publishing": {"scheduled_at": DUE, "lease_until": LEASE, "sending_at": DUE, "attempt": 1},
    "published": {"scheduled_at": DUE, "published_at": DUE, "attempt": 1},
    "failed": {"scheduled_at": DUE, "error_code": "missed", "error_message": "Too late.", "attempt": 1},
    "cancelled": {},
}


class Rows:
    def __init__(self, database_url: str) -> None:
        self.db = Database(make_engine(database_url))
        self.account_id = new_id()
        self.insert(social_accounts, account_row(self.account_id))

    def close(self) -> None:
        self.db.close()

    def insert(self, table: sa.Table, values: dict[str, Any]) -> None:
        with self.db.transaction() as tx:
            tx.execute(sa.insert(table).values(values))

    def post(self, status: str, **values: Any) -> Post:
        row = post_row(status, social_account_id=self.account_id) | values
        with self.db.transaction() as tx:
            return to_post(tx.execute(sa.insert(posts).values(row).returning(posts)).one())

    def attempt(self, post: Post, number: int = 1, **values: Any) -> None:
        row = {"generation": post.generation, "trigger": "message", "started_at": DUE, "sent_at": DUE} | values
        self.insert(attempts, {"post_id": post.id, "attempt": number} | row)

    def change(self, post: Post, **values: Any) -> Post:
        with self.db.transaction() as tx:
            tx.execute(sa.update(posts).where(posts.c.id == post.id).values(values))
        return self.read(post)

    def read(self, post: Post) -> Post:
        with self.db.reading() as connection:
            found = queries.post_by_id(connection, post.id)
        assert found is not None
        return found

    def attempts(self, post: Post) -> list[Attempt]:
        with self.db.reading() as connection:
            return queries.attempts_of(connection, post.id)

    def transitions(self, post: Post) -> list[Transition]:
        with self.db.reading() as connection:
            return [line for _, line in pages.transitions_after(connection, post.id, 0, 10_000)]


def claim(
    tx: Connection, post: Post, *, now: datetime, lease_until: datetime, trigger: str, sending: bool
) -> Post | None:
    """Claim one post through its account. None means the claim lost."""
    intent = Intent(post.id, post.generation, queries.accounts_of(tx, [post]).get(post.id), trigger, sending)
    return claim_group(tx, [intent], now=now, lease_until=lease_until).get(0)


def post_row(status: str, **values: Any) -> dict[str, Any]:
    """Return a complete row that satisfies every CHECK."""
    counters = {"generation": 3, "attempt": 0, "retry_count": 2, "arm_count": 4}
    row: dict[str, Any] = {
        "id": new_id(),
        "user_id": "user-1",
        "platform": "linkedin",
        "post_type": "post",
        "content": "Hello",
    }
    row |= {"media": [], "status": status, "created_at": START, "updated_at": START}
    return row | counters | COLUMNS_BY_STATUS[status] | values


def account_row(account_id: str, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": account_id,
        "user_id": "user-1",
        "platform": "linkedin",
        "external_id": "urn:li:person:1",
    }
    row |= {"account_name": "Ann", "access_token": "sealed:token", "status": "active"}
    return row | {"connected_at": START, "created_at": START, "updated_at": START} | values


def fields(thing: Any, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(thing, name) for name in names)


def later(seconds: float, than: datetime = START) -> datetime:
    return than + timedelta(seconds=seconds)
