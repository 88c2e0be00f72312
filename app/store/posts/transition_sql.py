"""The SQL of a transition: one UPDATE of the post and one row of `transitions`.

The statement is built once for each set of written columns, because building it costs more than sending it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row, bindparam, insert, update

from app.domain.events import EventType, event_of
from app.domain.lifecycle import ALLOWED, Status
from app.domain.post import Post
from app.store.events import outbox
from app.store.schema.columns import Condition
from app.store.schema.tables import posts, status_unindexed, transitions
from app.store.schema.webhooks import webhook_events
from app.store.written_events import WRITTEN

INCREMENT: Final = object()  # as a column's new value: its old value plus one
NOW = bindparam("now", type_=posts.c.updated_at.type)
_COLUMNS = tuple(posts.c.keys())


def to_post(row: Row[Any]) -> Post:
    """Build a Post from the leading columns of a row."""
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
    same_version: bool = False,
) -> Post | None:
    """Move the post to another status, if the row still matches `post` and `extra`.

    With `same_version`, the row must be unedited too, because the caller has checked its text and media. A value in
    `values` may be an SQL expression or INCREMENT. Returns the post after the move. None means the lifecycle forbids
    the move or the row has changed.
    """
    if to not in ALLOWED[post.status]:
        return None
    single_statement = tx.dialect.name == "postgresql"  # SQLite has no data-modifying CTE
    event = event_of(post.status, to, reason)
    computed = {name: value for name, value in values.items() if isinstance(value, sa.ClauseElement)}
    raised = tuple(name for name, value in values.items() if value is INCREMENT)
    plain = tuple(name for name in values if name not in computed and name not in raised)
    statement = (
        _build(plain, raised, single_statement, event, computed, [*extra, *([IS_VERSION] if same_version else [])])
        if computed or extra
        else _build_cached(plain, raised, single_statement, event, same_version)
    )
    parameters = {f"new_{name}": values[name] for name in plain}
    parameters |= {"new_status": to, "now": now, **_expected_values(post)}
    if single_statement:
        row = tx.execute(statement, {**parameters, "reason": reason, "actor": actor}).one_or_none()
        if row and event and row.events:
            tx.info[WRITTEN] = True
        return to_post(row) if row else None
    row = tx.execute(statement, parameters).one_or_none()
    moved = to_post(row) if row else None
    if moved is not None:
        line = transition_row(moved, from_status=post.status, reason=reason, actor=actor, at=now)
        tx.execute(insert(transitions), line)
        if event:
            outbox.record_post(tx, moved.id, event, now)
    return moved


def matches(post: Any) -> list[Condition]:
    """Return the conditions that the row is unchanged since `post` was read.

    With EXPECTED as `post`, the values are bound at execution.
    """
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


IS_VERSION: Final[Condition] = posts.c.updated_at == bindparam("old_version", type_=posts.c.updated_at.type)


def _expected_values(post: Post) -> dict[str, Any]:
    return {
        "old_id": post.id,
        "old_status": post.status,
        "old_generation": post.generation,
        "old_attempt": post.attempt,
        "old_version": post.updated_at,
    }


def transition_row(moved: Any, *, from_status: Any, reason: Any, actor: Any, at: Any) -> dict[str, Any]:
    """Return the columns of the `transitions` row for a moved post.

    `moved` is a Post or the columns of a statement, and the other values are plain or SQL expressions alike.
    """
    return {
        "post_id": moved.id,
        "at": at,
        "from_status": from_status,
        "to_status": moved.status,
        "reason": reason,
        "actor": actor,
        "generation": moved.generation,
        "attempt": moved.attempt,
    }


def insert_selected(table: sa.Table, row: Mapping[str, Any], name: str) -> sa.CTE:
    """Build a CTE for the insert of a row of SQL expressions."""
    return insert(table).from_select(list(row), sa.select(*row.values())).cte(name)


def _build(
    plain: tuple[str, ...],
    raised: tuple[str, ...],
    single_statement: bool,
    event: EventType | None,
    computed: Mapping[str, Any],
    extra: Sequence[Condition],
) -> sa.Executable:
    values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=posts.c[name].type) for name in (*plain, "status")}
    values |= {name: posts.c[name] + 1 for name in raised}
    statement = update(posts).where(*matches(EXPECTED), *extra).values({**values, **computed, "updated_at": NOW})
    return _recorded(statement.returning(posts), event) if single_statement else statement.returning(posts)


@cache
def _build_cached(
    plain: tuple[str, ...],
    raised: tuple[str, ...],
    single_statement: bool,
    event: EventType | None,
    same_version: bool,
) -> sa.Executable:
    return _build(plain, raised, single_statement, event, {}, [IS_VERSION] if same_version else [])


def _recorded(statement: Any, event: EventType | None) -> sa.Executable:
    """Combine the move, its `transitions` row and its events in one statement.

    With an event, the last column is the number of endpoints that listen.
    """
    moved = statement.cte("moved")
    reason, actor = (bindparam(name, type_=sa.String()) for name in ("reason", "actor"))
    line = transition_row(moved.c, from_status=EXPECTED.status, reason=reason, actor=actor, at=NOW)
    recorded = insert_selected(transitions, line, "recorded")
    if event is None:
        return sa.select(moved).add_cte(recorded)
    events = outbox.insert_post_events(moved.c, "postgresql", event.value, NOW)
    written = events.returning(webhook_events.c.id).cte("events")
    count = sa.select(sa.func.count()).select_from(written).scalar_subquery()
    return sa.select(moved, count.label("events")).add_cte(recorded)
