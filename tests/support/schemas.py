"""Compares two schemas for a program that was written for the first and runs on the second."""

from typing import Any

import sqlalchemy as sa

#: table → column → (type, nullable, has a default)
Columns = dict[str, dict[str, tuple[str, bool, bool]]]


def columns_of(engine: sa.Engine) -> Columns:
    inspector = sa.inspect(engine)
    return {
        table: {column["name"]: _facts(column) for column in inspector.get_columns(table)}
        for table in inspector.get_table_names()
    }


def rules_of(engine: sa.Engine) -> set[str]:
    """Return what each table refuses: its CHECKs, unique keys and foreign keys, by table and name."""
    inspector, found = sa.inspect(engine), set[str]()
    for table in inspector.get_table_names():
        found |= {f"{table}: {check['name']} {check['sqltext']}" for check in inspector.get_check_constraints(table)}
        found |= {f"{table}: {unique['name']} unique" for unique in inspector.get_unique_constraints(table)}
        found |= {f"{table}: {key['name']} references" for key in inspector.get_foreign_keys(table)}
        found |= {f"{table}: {index['name']} unique" for index in inspector.get_indexes(table) if index["unique"]}
    return found


def broken_columns(old: Columns, new: Columns) -> list[str]:
    """Return the changes of columns on which code of the old schema would fail."""
    found = []
    for table, columns in old.items():
        if table not in new:
            found.append(f"{table} is gone")
            continue
        for name, (kind, nullable, _) in columns.items():
            if name not in new[table]:
                found.append(f"{table}.{name} is gone or renamed")
            elif new[table][name][0] != kind:
                found.append(f"{table}.{name} has another type")
            elif nullable and not new[table][name][1]:
                found.append(f"{table}.{name} takes no NULL any more")
        found += [
            f"{table}.{name} is new, and has neither a default nor NULL"
            for name, (_, nullable, has_default) in new[table].items()
            if name not in columns and not nullable and not has_default
        ]
    return found


def broken_rules(old: set[str], new: set[str], tables: set[str]) -> list[str]:
    """Return the new rules of old tables: the old code does not know them, so its writes may be refused."""
    return sorted(rule for rule in new - old if rule.partition(":")[0] in tables)


def _facts(column: Any) -> tuple[str, bool, bool]:
    return str(column["type"]), bool(column["nullable"]), column["default"] is not None
