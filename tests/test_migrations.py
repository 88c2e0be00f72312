"""The migrations create the schema of the models, on both databases."""

from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.store.accounts.accounts import by_id
from app.store.engine import make_engine, normalise_url
from app.store.migrate import configuration, upgrade
from app.store.posts.queries import post_by_id
from app.store.posts.transition_sql import to_post
from app.store.schema.tables import attempts, metadata, new_id, posts, social_accounts
from tests.support.fakes import START
from tests.support.rows import account_row, post_row

BOOKKEEPING = "alembic_version"


def engine_for(url: str) -> sa.Engine:
    return sa.create_engine(normalise_url(url), poolclass=sa.NullPool)


def described(engine: sa.Engine) -> dict[str, dict[str, Any]]:
    """Read the tables from the database itself, with CHECKs and partial indexes."""
    inspector = sa.inspect(engine)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            "primary key": inspector.get_pk_constraint(table)["constrained_columns"],
            "checks": {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table)},
            "indexes": by_name(inspector.get_indexes(table)),
            "uniques": by_name(inspector.get_unique_constraints(table)),
            "foreign keys": by_name(inspector.get_foreign_keys(table)),
        }
        for table in sorted(inspector.get_table_names())
        if table != BOOKKEEPING
    }


def by_name(reflected: list[Any]) -> dict[str, dict[str, str]]:
    return {thing["name"]: {key: plain(value) for key, value in thing.items()} for thing in reflected}


def plain(value: Any) -> str:
    return str({key: str(inner) for key, inner in value.items()} if isinstance(value, dict) else value)


def test_migrations_run_on_an_empty_database_and_a_second_run_changes_nothing(blank_database_url: str):
    engine = engine_for(blank_database_url)
    upgrade(blank_database_url)
    first = described(engine)
    upgrade(blank_database_url)
    assert described(engine) == first
    assert set(first) == set(metadata.tables)


def test_alembic_finds_no_difference_between_migrated_database_and_models(database_url: str):
    with engine_for(database_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_migrated_checks_indexes_and_keys_equal_those_of_the_models(blank_database_url: str):
    engine = engine_for(blank_database_url)
    metadata.create_all(engine)
    modelled = described(engine)
    metadata.drop_all(engine)
    upgrade(blank_database_url)
    assert described(engine) == modelled


def test_the_comparison_notices_a_changed_check_or_index_condition(blank_database_url: str):
    engine = engine_for(blank_database_url)
    seen = []
    for condition in ("a > 1", "a > 2"):
        other = sa.MetaData()
        table = sa.Table("things", other, sa.Column("a", sa.Integer), sa.CheckConstraint(condition, name="ck"))
        where = sa.text(condition)
        sa.Index("ix_a", table.c.a, postgresql_where=where, sqlite_where=where)
        other.create_all(engine)
        seen.append(described(engine)["things"])
        other.drop_all(engine)
    assert seen[0]["checks"] != seen[1]["checks"]
    assert seen[0]["indexes"] != seen[1]["indexes"]


def test_rows_naming_a_company_before_companies_existed_stay_and_lose_the_company(
    blank_database_url: str,
):
    """Attempts stay too: rebuilding a table must not delete the rows that reference it."""
    command.upgrade(configuration(blank_database_url), "0001")
    engine, nowhere = make_engine(blank_database_url), "00000000-0000-4000-8000-000000000000"
    account, post = account_row(new_id(), company_id=nowhere), post_row("draft", company_id=nowhere, client_id=nowhere)
    attempt = {"post_id": post["id"], "attempt": 1, "generation": 1, "trigger": "poll", "started_at": START}
    with engine.begin() as connection:
        for table, row in ((social_accounts, account), (posts, post), (attempts, attempt)):
            known = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
            connection.execute(sa.insert(table).values({name: row[name] for name in known & set(row)}))
    upgrade(blank_database_url)
    with engine.begin() as connection:
        assert [post_by_id(connection, post["id"], "user-1")] == [to_post(connection.execute(sa.select(posts)).one())]
        assert connection.execute(sa.select(posts.c.company_id, posts.c.client_id)).all() == [(None, None)]
        assert by_id(connection, account["id"], "user-1") is not None
        assert len(connection.execute(sa.select(attempts)).all()) == 1
    engine.dispose()


def test_posts_from_before_hashes_keep_their_texts_and_get_no_hash(blank_database_url: str):
    """Texts that cannot be normalised in bounded time may be stored already."""
    command.upgrade(configuration(blank_database_url), "0011")
    engine, row = make_engine(blank_database_url), post_row("draft", content="a" + "\u0301" * 30_000)
    with engine.begin() as connection:
        known = {column["name"] for column in sa.inspect(connection).get_columns("posts")}
        connection.execute(sa.insert(posts).values({name: row[name] for name in known & set(row)}))
    upgrade(blank_database_url)
    with engine.begin() as connection:
        assert connection.execute(sa.select(posts.c.content, posts.c.content_hash)).all() == [(row["content"], None)]
    engine.dispose()


def test_accounts_shared_before_profiles_had_a_person_get_their_connector(blank_database_url: str):
    """A client's account and a page belong to no person."""
    command.upgrade(configuration(blank_database_url), "0014")
    engine, company = make_engine(blank_database_url), new_id()
    kinds = [
        {"external_id": "urn:li:person:1", "company_id": company},
        {"external_id": "urn:li:person:2", "company_id": company, "client_id": new_id()},
        {"external_id": "urn:li:organization:3", "company_id": company},
        {"external_id": "4", "company_id": company, "platform": "facebook"},
        {"external_id": "urn:li:person:5"},
    ]
    with engine.begin() as connection:
        for kind in kinds:
            connection.execute(sa.insert(social_accounts).values(account_row(new_id(), **kind)))
    upgrade(blank_database_url)
    with engine.begin() as connection:
        found = connection.execute(sa.select(social_accounts.c.profile_of).order_by(social_accounts.c.external_id))
        wanted = dict(zip((kind["external_id"] for kind in kinds), ["user-1", None, None, None, None], strict=True))
        assert list(found.scalars()) == [wanted[external_id] for external_id in sorted(wanted)]
    engine.dispose()
