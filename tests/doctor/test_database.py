"""The doctor's lines about the database: each broken state, its line and the exit status."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from app.store.engine import normalise_url
from tests.doctor.installation import (
    Outside,
    doctor,
    execute,
    installed,
    listening,
    not_ok,
    only_problem,
    swept,
)
from tests.test_cli import run
from tests.web.answers import SECRETS


def as_limited(url: str, *grants: str) -> str:
    """Return the URL with a role that has these rights alone."""
    execute(url, "DROP ROLE IF EXISTS limited", "CREATE ROLE limited LOGIN", *grants)
    return url.replace("postgres@", "limited@")


def drop_limited(url: str) -> None:
    execute(url, "DROP OWNED BY limited", "DROP ROLE limited")


def test_doctor_leaves_nothing_behind(database_url: str, outside: Outside):
    with installed(database_url, outside) as site:
        swept(site).user("alice").account()
        doctor(site)
        assert site.rows("SELECT * FROM alerts") == []
        assert site.rows("SELECT * FROM posts") == []


def test_a_database_without_migrations_fails(blank_database_url: str, outside: Outside):
    with installed(blank_database_url, outside) as site:
        only_problem(site, "FAIL", "database", "flask --app wsgi db upgrade")


@pytest.mark.parametrize("part", ["posts.armed_as", "alerts.detail", "account_slots"])
def test_a_missing_table_or_column_fails_and_is_named(database_url: str, outside: Outside, part: str):
    table, _, column = part.partition(".")
    with installed(database_url, outside) as site:
        swept(site)
        execute(database_url, f"ALTER TABLE {table} DROP COLUMN {column}" if column else f"DROP TABLE {table}")
        lines, status = doctor(site)
    assert status == 1
    assert [text for mark, _, text in lines if mark == "FAIL" and f"lacks {part}:" in text], lines


def test_a_missing_index_is_a_warning(database_url: str, outside: Outside):
    with installed(database_url, outside) as site:
        execute(database_url, "DROP INDEX ix_posts_due")
        only_problem(swept(site), "WARN", "database", "ix_posts_due")


def test_a_newer_schema_is_a_warning(database_url: str, outside: Outside):
    with installed(database_url, outside) as site:
        execute(database_url, "UPDATE alembic_version SET version_num = '9999'")
        only_problem(swept(site), "WARN", "database", "9999", "deploy the newer code")


def test_a_role_without_any_right_fails_with_the_drivers_line(postgresql_url: str, outside: Outside):
    with installed(as_limited(postgresql_url), outside) as site:
        only_problem(site, "FAIL", "database", "permission denied for table alembic_version", "grant the role")
    drop_limited(postgresql_url)


def test_a_role_without_one_right_fails_and_the_right_is_named(postgresql_url: str, outside: Outside):
    rights = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
    sequence = "USAGE ON ALL SEQUENCES IN SCHEMA public"
    cases = {
        "INSERT on attempts": [
            f"GRANT {rights} TO limited",
            f"GRANT {sequence} TO limited",
            "REVOKE INSERT ON attempts FROM limited",
        ],
        "USAGE on transitions_id_seq": [
            f"GRANT {rights} TO limited",
            "GRANT USAGE ON SEQUENCE sweep_runs_id_seq TO limited",  # for the sweep before the check
        ],
    }
    for missing, grants in cases.items():
        with installed(as_limited(postgresql_url, *grants), outside) as site:
            only_problem(swept(site), "FAIL", "database", missing, "grant the role")
        drop_limited(postgresql_url)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("CONNECTION LIMIT 0", ("has no connection left", "raise max_connections, or use a pooler")),
        ("NOLOGIN", ("refuses our login", "check the role")),
    ],
)
def test_a_refused_connection_fails_with_its_own_cure(
    postgresql_url: str, outside: Outside, change: str, words: tuple[str, ...]
):
    url = as_limited(postgresql_url, f"ALTER ROLE limited {change}")
    with installed(url, outside) as site:
        only_problem(site, "FAIL", "database", *words)
    drop_limited(postgresql_url)


def test_a_missing_database_fails_with_its_own_cure(postgresql_url: str, outside: Outside):
    missing = sa.make_url(postgresql_url).set(database="missing").render_as_string()
    with installed(missing, outside) as site:
        only_problem(site, "FAIL", "database", "has no such database", "create it")


def test_a_read_only_postgresql_fails(postgresql_url: str, outside: Outside):
    name = sa.make_url(postgresql_url).database
    with installed(postgresql_url, outside) as site:
        swept(site)
        site.services.deps.db.close()
        execute(postgresql_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        only_problem(site, "FAIL", "database", "takes no writes", "primary")


def test_a_read_only_sqlite_file_fails(sqlite_url: str, outside: Outside):
    with installed(sqlite_url, outside) as site:
        swept(site)
        site.services.deps.db.close()

        @sa.event.listens_for(site.services.deps.db.engine, "connect")
        def _read_only(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA query_only = 1")

        only_problem(site, "FAIL", "database", "takes no writes")


def test_a_full_sqlite_file_fails(sqlite_url: str, outside: Outside):
    with installed(sqlite_url, outside) as site:
        swept(site)
        site.services.deps.db.close()
        pages = sqlite3.connect(sqlite_url.removeprefix("sqlite:///")).execute("PRAGMA page_count").fetchone()[0]

        @sa.event.listens_for(site.services.deps.db.engine, "connect")
        def _full(connection: Any, _record: Any) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages + 2}")

        only_problem(site, "FAIL", "database", "database or disk is full", "free some disk space")


def test_a_locked_database_fails_within_the_bound(postgresql_url: str, outside: Outside):
    engine = sa.create_engine(normalise_url(postgresql_url), poolclass=sa.NullPool)
    with installed(postgresql_url, outside, database_lock_timeout_seconds=0.2) as site, engine.begin() as holder:
        swept(site)
        holder.exec_driver_sql("LOCK TABLE alerts IN ACCESS EXCLUSIVE MODE")
        lines, status = doctor(site)
    assert status == 1
    assert [text for mark, _, text in lines if mark == "FAIL" and "is locked" in text and "lock timeout" in text]


def test_a_wrong_password_is_named_without_the_password(outside: Outside):
    with listening() as listener:
        url = f"postgresql://me:p%40ss-very-secret@127.0.0.1:{listener.getsockname()[1]}/x?connect_timeout=2"

        def refuse() -> None:
            connection, _ = listener.accept()
            connection.recv(8)  # the request for TLS
            connection.sendall(b"N")
            connection.recv(4096)
            text = b'SFATAL\0C28P01\0Mpassword authentication failed for user "me" p@ss-very-secret\0\0'
            connection.sendall(b"E" + (len(text) + 4).to_bytes(4, "big") + text)
            connection.close()

        threading.Thread(target=refuse, daemon=True).start()
        with installed(url, outside) as site:
            lines, status = doctor(site)
    [(_, about, text)] = [line for line in lines if line[0] == "FAIL"]
    assert (about, status) == ("database", 1)
    assert "password authentication failed" in text
    assert "very-secret" not in text


def test_the_default_sqlite_file_is_a_warning(sqlite_url: str, outside: Outside, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.operations.doctor.database.default_database_url", lambda: sqlite_url)
    with installed(sqlite_url, outside, local=False) as site:
        only_problem(swept(site), "WARN", "database", "DATABASE_URL is unset")


def test_a_replaced_encryption_key_fails(database_url: str, outside: Outside):
    with installed(database_url, outside) as site:
        swept(site).user("alice").account()
        site.user("bob").account()
    former, new = SECRETS["token_encryption_keys"], Fernet.generate_key().decode()
    with installed(database_url, outside, token_encryption_keys=(new,)) as site:
        only_problem(swept(site), "FAIL", "tokens", "2 of 2 accounts", "TOKEN_ENCRYPTION_KEYS")
    with installed(database_url, outside, token_encryption_keys=(new, former)) as site:
        only_problem(swept(site), "WARN", "tokens", "2 of 2 accounts", "former key", "keys rotate-encryption")
        assert run(site.app, "keys", "rotate-encryption").exit_code == 0
        assert not_ok(doctor(swept(site))[0]) == []
    with installed(database_url, outside, token_encryption_keys=(new,)) as site:
        assert not_ok(doctor(swept(site))[0]) == []


def test_a_token_bound_to_no_row_is_a_warning_and_in_another_row_fails(database_url: str, outside: Outside):
    with installed(database_url, outside) as site:
        swept(site).user("alice").account()
        site.user("bob").account()
        older = Fernet(SECRETS["token_encryption_keys"]).encrypt(b"token").decode()
        execute(database_url, f"UPDATE social_accounts SET access_token = '{older}' WHERE user_id = 'bob'")
        only_problem(site, "WARN", "tokens", "1 of 2 accounts", "not bound to their row")
        alices = "(SELECT access_token FROM social_accounts WHERE user_id = 'alice')"
        execute(database_url, f"UPDATE social_accounts SET access_token = {alices} WHERE user_id = 'bob'")
        only_problem(site, "FAIL", "tokens", "1 of 2 accounts cannot be decrypted")


def test_the_default_sqlite_file_without_migrations_names_both_causes(
    tmp_path: Path, outside: Outside, monkeypatch: pytest.MonkeyPatch
):
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    monkeypatch.setattr("app.operations.doctor.database.default_database_url", lambda: url)
    with installed(url, outside, local=False) as site:
        lines, status = doctor(site)
    texts = [text for _, about, text in lines if about == "database"]
    assert ["DATABASE_URL is unset" in texts[0], "db upgrade" in texts[1], len(texts), status] == [True, True, 2, 1]


def test_a_sqlite_file_open_to_others_is_a_warning(sqlite_url: str, outside: Outside, monkeypatch: pytest.MonkeyPatch):
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    file.chmod(0o644)
    monkeypatch.setattr(os, "geteuid", lambda: -1)  # it belongs to another user, so the app cannot close it
    with installed(sqlite_url, outside) as site:
        only_problem(swept(site), "WARN", "database", "chmod 600", str(file))
