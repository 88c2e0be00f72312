"""Captures SQL statements and finds the indexes that PostgreSQL uses for each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

LARGE = frozenset({"posts", "attempts", "transitions"})  # the tables that grow with the posts


@dataclass
class CapturedStatements:
    """Distinct statements with parameters, in order, and `number`, the count of all sent."""

    statements: list[tuple[str, Any]] = field(default_factory=list)
    number: int = 0


@dataclass(frozen=True)
class Plan:
    """The plan of one statement.

    `indexes`: the indexes read. `index_only`: those read without the table. `scanned`: large tables read whole.
    """

    statement: str
    indexes: tuple[str, ...]
    scanned: tuple[str, ...]
    index_only: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        words = " ".join(self.statement.split())
        where = words.rfind(" WHERE ") if len(words) > 150 else -1
        return words[:150] if where < 0 else f"{words[:50]} … {words[where + 1 : where + 100]}"


@contextmanager
def capture_statements(engine: sa.Engine, keep: bool = False) -> Iterator[CapturedStatements]:
    """Count the statements of this engine. With `keep`, also keep the first of each for `explain`."""
    sent, known = CapturedStatements(), set()

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        sent.number += 1
        if keep and statement not in known:
            known.add(statement)
            sent.statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def explain(engine: sa.Engine, sent: CapturedStatements) -> list[Plan]:
    """Return the plan of each statement that reads or changes rows. It executes none of them."""
    plans = []
    with engine.connect() as connection:
        for statement, parameters in sent.statements:
            if statement.split()[0] in ("SELECT", "UPDATE", "DELETE", "WITH"):
                found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
                nodes = list(_nodes((found if isinstance(found, list) else json.loads(found))[0]["Plan"]))
                plans.append(_plan(statement, nodes))
    return plans


def _plan(statement: str, nodes: list[dict[str, Any]]) -> Plan:
    indexes = {node["Index Name"] for node in nodes if "Index Name" in node}
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    index_only = {node["Index Name"] for node in nodes if node["Node Type"] == "Index Only Scan"}
    return Plan(statement, tuple(sorted(indexes)), tuple(sorted(scanned & LARGE)), tuple(sorted(index_only)))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)
