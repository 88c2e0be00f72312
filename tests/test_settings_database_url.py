"""The database's URL as providers give it: parameters of other programs are dropped, unknown ones are named."""

import pytest
import sqlalchemy as sa
from psycopg2.extensions import parse_dsn

from app.settings.database_urls import FOREIGN, LIBPQ
from app.settings.environment import read_settings
from app.settings.values import SettingsError
from app.store.engine import normalise_url

BASE = "postgres://user:hunter2@db.example:6543/main"


def read(query: str, base: str = BASE) -> str:
    return read_settings({"DATABASE_URL": f"{base}?{query}"}).database_url


def problem(url: str, name: str = "DATABASE_URL") -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings({name: url})
    [found] = caught.value.problems
    assert "hunter2" not in found
    return found


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("pgbouncer=true&connection_limit=1", ""),
        ("sslmode=require&supa=base-pooler.x", "?sslmode=require"),
        ("pgbouncer=true&connect_timeout=15&sslmode=require", "?connect_timeout=15&sslmode=require"),
        ("schema=public", ""),
        ("schema=public&sslmode=require&pool_timeout=0&socket_timeout=30&statement_cache_size=0", "?sslmode=require"),
        ("workaround=supabase-pooler.vercel&sslmode=require", "?sslmode=require"),
        ("uselibpqcompat=true&sslmode=verify-full", "?sslmode=verify-full"),
        ("options=endpoint%3Dep-cool-1&pgbouncer=true", "?options=endpoint%3Dep-cool-1"),
        ("options=-c%20search_path%3Da%20-c%20x%3D1&supa=1", "?options=-c%20search_path%3Da%20-c%20x%3D1"),
        ("ssl=true", "?sslmode=require"),
        ("ssl=true&sslmode=verify-full", "?sslmode=verify-full"),
        ("ssl=false&pgbouncer=true", ""),
        ("", ""),
    ],
)
def test_parameters_of_other_programs_are_dropped(query: str, kept: str):
    assert read(query).rstrip("?") == BASE + kept


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=require&channel_binding=require",
        "options=endpoint%3Dep-cool-1&sslmode=require",
        "sslrootcert=system&sslmode=verify-full",
        "target_session_attrs=read-write&keepalives_idle=30&application_name=x",
        "host=/var/run/postgresql",
        "host=a.example:5432&host=b.example:5432",
    ],
)
def test_parameters_of_libpq_are_kept_as_written(query: str):
    assert read(query) == f"{BASE}?{query}"


@pytest.mark.parametrize("name", sorted(LIBPQ))
def test_every_kept_parameter_is_known_to_libpq(name: str):
    assert parse_dsn(f"{name}=1")


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_no_dropped_parameter_is_known_to_libpq(name: str):
    assert name not in LIBPQ
    assert read(f"{name}=public" if name == "schema" else f"{name}=false") == BASE


@pytest.mark.parametrize("name", ["colour", "SSLMODE", "plugin", "search_path", "replication", "sslmode%20", "é"])
def test_unknown_parameter_is_named_at_start(name: str):
    message = problem(f"{BASE}?sslmode=require&{name}=1")
    assert message.startswith("DATABASE_URL must have only parameters that PostgreSQL's libpq knows: ")
    assert message.endswith(" is unknown")


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=on",
        "connect_timeout=soon",
        "channel_binding=yes",
        "keepalives_idle=1.5",
        "schema=tenant",
        "sslmode=require&sslmode=disable",
    ],
)
def test_wrong_value_or_repeated_parameter_is_named_at_start(query: str):
    assert query.partition("=")[0] in problem(f"{BASE}?{query}")


@pytest.mark.parametrize(
    "url",
    [
        "postgres://user:hunter2@db.example:port/main",
        "postgres://user:hunter2@db.example:99999/main",
        "postgres://user:hunter2@a.example:5432,b.example:5432/main",
        "postgres://user:p@x?hunter2=a@db.example/main",
        "postgres://user:p@hunter2@db.example/main",
        "postgres://user@server:p@hunter2@db.example:5432/main",
    ],
)
def test_unreadable_address_is_named_without_the_password(url: str):
    assert problem(url).startswith("DATABASE_URL must have ")


@pytest.mark.parametrize("url", ["postgres://me@azure:hunter2@h:1/m", "postgres://me@h:1/m", "postgres://me:p@h/m@n"])
def test_at_sign_outside_the_password_is_kept(url: str):
    assert read("supa=x", url) == url


def test_password_with_a_question_mark_is_no_query():
    url = "postgres://user:hun?ter2@db.example/main"
    assert read("supa=x", url) == url
    assert normalise_url(url).password == "hun?ter2"


def test_postgres_url_is_taken_where_database_url_is_unset():
    assert read_settings({"POSTGRES_URL": f" {BASE}?supa=x\n", "VERCEL": "1"}).database_url == BASE
    assert read_settings({"POSTGRES_URL": BASE, "DATABASE_URL": " \n"}).database_url == BASE
    assert read_settings({"POSTGRES_URL": "broken", "DATABASE_URL": BASE}).database_url == BASE


def test_problem_of_postgres_url_names_it():
    assert problem(f"{BASE}?colour=1", "POSTGRES_URL").startswith("POSTGRES_URL must have only parameters")
    with pytest.raises(SettingsError) as caught:
        read_settings({"POSTGRES_URL": "mysql://h/d", "VERCEL": "1"})
    assert len(caught.value.problems) == 1


def test_real_server_takes_the_read_url(postgresql_url: str):
    from app.store.engine import Database, make_engine

    query = "pgbouncer=true&connection_limit=1&schema=public&supa=x&sslmode=prefer&connect_timeout=5"
    joint = "&" if "?" in postgresql_url else "?"
    url = read_settings({"DATABASE_URL": f"{postgresql_url}{joint}{query}"}).database_url
    database = Database(make_engine(url))
    with database.reading() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
    database.close()
