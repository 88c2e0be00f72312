"""Statements with their constants in their text give the rows of the same statements with parameters."""

import pytest
import sqlalchemy as sa

from app.store.constants import with_constants
from tests.support.databases import record_statements
from tests.support.rows import Rows

TEXTS = ("it's", "100 %", ":name", "back\\slash", "", "ö 👍")


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_the_same_in_the_statement_and_as_a_parameter(rows: Rows, text: str):
    statement = sa.select(sa.literal(text), sa.func.length(sa.literal(text)))
    with rows.db.reading() as connection:
        assert connection.execute(with_constants(statement)).one() == connection.execute(statement).one()


def test_only_parameters_without_a_value_are_left(rows: Rows):
    table = sa.func.coalesce(sa.bindparam("given", type_=sa.Integer), 7).label("number")
    inner = sa.select(table).subquery()
    statement = sa.select(inner.c.number, sa.literal(1.5)).where(inner.c.number.in_([5, 7]))
    with rows.db.reading() as connection, record_statements(rows.db.engine, "SELECT") as seen:
        assert connection.execute(with_constants(statement), {"given": 5}).all() == [(5, 1.5)]
        assert connection.execute(with_constants(statement), {"given": None}).all() == [(7, 1.5)]
    assert [text.count("?") + text.count("%(") for text in seen] == [1, 1]


def test_value_of_another_kind_is_refused():
    with pytest.raises(AssertionError):
        with_constants(sa.select(sa.literal(b"bytes")))
