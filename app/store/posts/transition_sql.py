"""The one statement that takes a post from one status to another, with its line in the history.

It is built once for each set of columns that a transition writes: to build it costs more than to send it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row, bindparam, insert, update

from app.domain.lifecycle import ALLOWED, Status
from app.domain.post import Post
from app.store.schema.tables import posts, status_unindexed, transitions

Condition = sa.ColumnElement[bool]

INCREMENT: Final = object()  # as a column's new value: one more than it has
_COLUMNS = tuple(posts.c.keys())
_NOW = bindparam("now", type_=posts.c.updated_at.type)


def to_post(row: Row[Any]) -> Post:
    """A row that begins with the columns of `posts`."""
    values = dict(zip(_COLUMNS, row, strict=False))
    values["status"] = Status(values["status"])
    return Post(**values)


def move(
    tx: Connection,
    post: Post,
    to: Status,
    values: Mapping[str, Any],
    extra: Sequence[Condition] = (),
    *,
    reason: str,
    actor: str,
    now: datetime,
) -> Post | None:
    """One status to another that the lifecycle allows, guarded by everything that `post` was when it was read, and by
    `extra`. A value may be an expression. Returns the post as it now is, or None: lost the race."""
    if to not in ALLOWED[post.status]:
        return None
    single_statement = tx.dialect.name == "postgresql"  # SQLite has no data-modifying CTE
    computed = {name: value for name, value in values.items() if isinstance(value, sa.ClauseElement)}
    raised = tuple(name for name, value in values.items() if value is INCREMENT)
    plain = tuple(name for name in values if name not in computed and name not in raised)
    statement = (
        _build(plain, raised, single_statement, computed, extra)
        if computed or extra
        else _built(plain, raised, single_statement)
    )
    given = {f"new_{name}": values[name] for name in plain} | {"new_status": to, "now": now, **_as_it_was(post)}
    if single_statement:
        row = tx.execute(statement, {**given, "reason": reason, "actor": actor}).one_or_none()
        return to_post(row) if row else None
    row = tx.execute(statement, given).one_or_none()
    moved = to_post(row) if row else None
    if moved is not None:
        tx.execute(insert(transitions), transition(moved, post.status, reason, actor, now))
    return moved


def matches(post: Any) -> list[Condition]:
    """The row still stands as `post` was read; of EXPECTED, as the statement is told then."""
    return [
        posts.c.id == post.id,
        status_unindexed(post.status),
        posts.c.generation == post.generation,
        posts.c.attempt == post.attempt,
    ]


EXPECTED: Final = SimpleNamespace(
    id=bindparam("old_id", type_=posts.c.id.type),
    status=bindparam("old_status", type_=sa.String()),
    generation=bindparam("old_generation", type_=sa.Integer()),
    attempt=bindparam("old_attempt", type_=sa.Integer()),
)


def _as_it_was(post: Post) -> dict[str, Any]:
    return {
        "old_id": post.id,
        "old_status": post.status,
        "old_generation": post.generation,
        "old_attempt": post.attempt,
    }


def transition(post: Post, before: Status | None, reason: str, actor: str, now: datetime) -> dict[str, Any]:
    """The line of the history that says how `post` became what it is."""
    return {
        "post_id": post.id,
        "at": now,
        "from_status": before,
        "to_status": post.status,
        "reason": reason,
        "actor": actor,
        "generation": post.generation,
        "attempt": post.attempt,
    }


def _build(
    plain: tuple[str, ...],
    raised: tuple[str, ...],
    single_statement: bool,
    computed: Mapping[str, Any],
    extra: Sequence[Condition],
) -> sa.Executable:
    values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=posts.c[name].type) for name in (*plain, "status")}
    values |= {name: posts.c[name] + 1 for name in raised}
    statement = update(posts).where(*matches(EXPECTED), *extra).values({**values, **computed, "updated_at": _NOW})
    return _recorded(statement.returning(posts)) if single_statement else statement.returning(posts)


@cache
def _built(plain: tuple[str, ...], raised: tuple[str, ...], single_statement: bool) -> sa.Executable:
    return _build(plain, raised, single_statement, {}, ())


def _recorded(statement: Any) -> sa.Executable:
    """The same move, and its line in the history, in one statement."""
    moved = statement.cte("moved")
    line = {
        "post_id": moved.c.id,
        "at": _NOW,
        "from_status": EXPECTED.status,
        "to_status": moved.c.status,
        "reason": bindparam("reason", type_=sa.String()),
        "actor": bindparam("actor", type_=sa.String()),
        "generation": moved.c.generation,
        "attempt": moved.c.attempt,
    }
    recorded = insert(transitions).from_select(list(line), sa.select(*line.values())).cte("recorded")
    return sa.select(moved).add_cte(recorded)
