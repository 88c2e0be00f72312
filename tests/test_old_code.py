"""Old code runs on the new schema for one release, so an upgrade and a rollback need no pause.

A release that needs more does it in two: first the column that both know, then, one release later, the rest.
"""

import pytest
import sqlalchemy as sa
from alembic import command

from app.store.engine import make_engine
from app.store.migrate import configuration, upgrade
from app.store.schema.tables import attempts, new_id, posts, social_accounts, transitions
from tests.support.fakes import START
from tests.support.rows import account_row, post_row
from tests.support.schemas import Columns, broken_columns, broken_rules, columns_of, rules_of

PREVIOUS = "0027"  # the newest migration of the previous release. Raise it with each release, in its commit

TEXT, FLAG = ("TEXT", False, False), ("BOOLEAN", True, False)
OLD: Columns = {"things": {"name": TEXT, "flag": FLAG}}


def test_schema_keeps_what_code_of_the_previous_release_reads_and_writes(blank_database_url: str):
    command.upgrade(configuration(blank_database_url), PREVIOUS)
    engine = make_engine(blank_database_url)
    old, old_rules = columns_of(engine), rules_of(engine)
    engine.dispose()
    upgrade(blank_database_url)
    engine = make_engine(blank_database_url)
    assert broken_columns(old, columns_of(engine)) == []
    assert broken_rules(old_rules, rules_of(engine), set(old)) == []
    engine.dispose()


def test_writes_of_the_previous_release_succeed_on_the_new_schema(blank_database_url: str):
    """The statements name the columns of the old schema alone, as its code does."""
    command.upgrade(configuration(blank_database_url), PREVIOUS)
    engine = make_engine(blank_database_url)
    old = columns_of(engine)
    engine.dispose()
    upgrade(blank_database_url)
    engine, post = make_engine(blank_database_url), post_row("draft")
    attempt = {"post_id": post["id"], "attempt": 1, "generation": 1, "trigger": "poll", "started_at": START}
    line = {"post_id": post["id"], "at": START, "to_status": "draft", "reason": "created", "actor": "user:user-1"}
    rows = (
        (social_accounts, account_row(new_id())),
        (posts, post),
        (attempts, attempt),
        (transitions, line | {"generation": 0, "attempt": 0}),
    )
    with engine.begin() as tx:
        for table, row in rows:
            known = [table.c[name] for name in old[table.name] if name in table.c]
            tx.execute(sa.insert(table).values({name: value for name, value in row.items() if name in old[table.name]}))
            assert len(tx.execute(sa.select(*known)).all()) == 1
        tx.execute(sa.update(posts).values(content="changed"))
    engine.dispose()


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        ({}, "things is gone"),
        ({"things": {"title": TEXT, "flag": FLAG}}, "things.name is gone or renamed"),
        ({"things": {"name": ("INTEGER", False, False), "flag": FLAG}}, "things.name has another type"),
        ({"things": {"name": TEXT, "flag": ("BOOLEAN", False, True)}}, "things.flag takes no NULL any more"),
        ({"things": {**OLD["things"], "more": TEXT}}, "things.more is new, and has neither a default nor NULL"),
    ],
)
def test_each_change_that_old_code_cannot_take_is_found(new: Columns, problem: str):
    assert problem in broken_columns(OLD, new)


def test_changes_that_old_code_can_take_are_none():
    more = {"nullable": ("TEXT", True, False), "defaulted": ("TEXT", False, True)}
    assert broken_columns(OLD, {"things": {**OLD["things"], **more}, "others": {"name": TEXT}}) == []
    assert broken_rules({"things: a"}, {"things: a", "others: b unique"}, {"things"}) == []
    assert broken_rules({"things: a"}, {"things: a", "things: b unique"}, {"things"}) == ["things: b unique"]
