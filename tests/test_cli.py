"""The commands' output and exit status, in this process and, where needed, in their own process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from app.settings.values import Settings
from app.store.engine import normalise_url
from tests.adapters.servers import HttpServer, http_server, says
from tests.support.databases import upgrade
from tests.web.answers import SECRETS
from tests.web.site import SetClock, build, settings_for

PATIENCE_SECONDS = 60
ROOT = Path(__file__).parent.parent
KEYS = {"current": SECRETS["qstash_current_signing_key"], "next": SECRETS["qstash_next_signing_key"]}


@pytest.fixture(autouse=True)
def signals_kept() -> Iterator[None]:
    """Restore the signal handlers after `sweep` has replaced them in the tests' own process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def outside() -> Iterator[HttpServer]:
    """QStash and n8n in one."""
    with http_server(says(200, KEYS, Content_Type="application/json")) as server:
        yield server


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def app_over(database_url: str, outside: HttpServer, **changes: Any) -> Iterator[Flask]:
    settings: Settings = settings_for(database_url, outside.url, outside.url, **changes)
    site = build(settings, SetClock(), [])
    yield site.app
    site.services.deps.db.close()


def run(app: Flask, *arguments: str) -> Result:
    result = app.test_cli_runner().invoke(args=list(arguments))
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert "Traceback" not in result.output
    return result


def environment(**settings: str) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings}


def started(*command: str, **settings: str) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    environ = environment(**settings)
    return subprocess.Popen([sys.executable, *command], text=True, cwd=ROOT, env=environ, **pipes)  # type: ignore[call-overload]


def flask(*arguments: str, **settings: str) -> subprocess.Popen[str]:
    return started("-m", "flask", "--app", "wsgi", *arguments, **settings)


def read_until(process: subprocess.Popen[str], word: str) -> str:
    """Read the output up to the first line with `word`. Fails if the output ends before."""
    assert process.stdout is not None
    lines = []
    watch = threading.Timer(PATIENCE_SECONDS, process.kill)
    watch.start()
    try:
        for line in process.stdout:
            lines.append(line)
            if word in line:
                return "".join(lines)
    finally:
        watch.cancel()
    raise AssertionError(f"never output {word!r}:\n{''.join(lines)}")


def test_token_prints_a_token_that_the_app_takes(sqlite_url: str, outside: HttpServer):
    with app_over(sqlite_url, outside) as app:
        for arguments, role in ((["alice"], None), (["alice", "--admin"], "admin")):
            result = run(app, "token", *arguments)
            assert result.exit_code == 0
            claims = jwt.decode(
                result.stdout.strip(),
                SECRETS["auth_jwt_secret"],
                ["HS256"],
                options={"verify_exp": False, "verify_iat": False},
            )
            assert (claims["sub"], claims.get("role")) == ("alice", role)
            answer = app.test_client().get("/api/posts", headers={"Authorization": f"Bearer {result.stdout.strip()}"})
            assert answer.status_code == 200


@pytest.mark.parametrize("user", ["", " ", "a\nb", "x" * 256], ids=["empty", "blank", "line-break", "long"])
def test_token_refuses_an_invalid_user_id(sqlite_url: str, outside: HttpServer, user: str):
    with app_over(sqlite_url, outside) as app:
        result = run(app, "token", user)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "user id" in result.stderr


def test_token_without_a_secret_names_the_setting(sqlite_url: str, outside: HttpServer):
    with app_over(sqlite_url, outside, auth_jwt_secret=None) as app:
        result = run(app, "token", "alice")
    assert result.exit_code == 1
    assert "AUTH_JWT_SECRET" in result.stderr


def test_sweep_runs_once_and_prints_what_it_did(database_url: str, outside: HttpServer):
    with app_over(database_url, outside) as app:
        result = run(app, "sweep")
    assert result.exit_code == 0
    assert "recovered=0" in result.stdout
    assert "skipped=False" in result.stdout


def test_sweep_without_a_database_fails_with_a_message(outside: HttpServer, closed_port: int):
    with app_over(f"postgresql://me:very-secret@127.0.0.1:{closed_port}/x", outside) as app:
        result = run(app, "sweep")
    assert result.exit_code == 1
    assert "database cannot be reached" in result.stderr
    assert "very-secret" not in result.output


@pytest.mark.parametrize("every", ["0", "-1", "soon"])
def test_sweep_refuses_an_invalid_period(sqlite_url: str, outside: HttpServer, every: str):
    with app_over(sqlite_url, outside) as app:
        assert run(app, "sweep", "--every", every).exit_code == 2


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT], ids=lambda stop: stop.name)
def test_sweep_survives_a_missing_database_and_stops_on_a_signal(tmp_path: Path, stop: signal.Signals):
    url = f"sqlite:///{tmp_path / 'later.sqlite3'}"
    with flask("sweep", "--every", "0.1", DATABASE_URL=url) as process:
        read_until(process, "database cannot be reached")
        upgrade(url)  # it is there at last
        read_until(process, "recovered=0")
        read_until(process, "recovered=0")
        process.send_signal(stop)
        rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert "Traceback" not in rest


def test_db_upgrade_may_be_run_again(blank_database_url: str, outside: HttpServer):
    with app_over(blank_database_url, outside) as app:
        for _ in range(2):
            result = run(app, "db", "upgrade")
            assert (result.exit_code, result.stdout) == (0, "The database is up to date.\n")
    engine = sa.create_engine(normalise_url(blank_database_url), poolclass=sa.NullPool)
    assert "posts" in sa.inspect(engine).get_table_names()


def test_db_upgrade_of_the_default_file_says_which_database_it_was(
    blank_database_url: str, outside: HttpServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.cli.default_database_url", lambda: blank_database_url)
    with app_over(blank_database_url, outside, local=False) as app:
        result = run(app, "db", "upgrade")
    assert (result.exit_code, result.stdout) == (0, "The database is up to date.\n")
    assert "because DATABASE_URL is unset" in result.stderr


def test_db_upgrade_without_a_database_fails_with_a_message(outside: HttpServer, closed_port: int, tmp_path: Path):
    for url in (f"postgresql://me:very-secret@127.0.0.1:{closed_port}/x", f"sqlite:///{tmp_path}"):
        with app_over(url, outside) as app:
            result = run(app, "db", "upgrade")
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: The database cannot be migrated: ")
        assert "very-secret" not in result.output


@pytest.mark.parametrize(
    "command", [("-m", "flask", "--app", "wsgi", "doctor"), ("-c", "import wsgi")], ids=["flask", "import"]
)
def test_all_bad_settings_are_listed_with_their_cures(command: tuple[str, ...]):
    bad = {
        "DATABASE_URL": "mysql://me:very-secret@x/y",
        "CRON_SECRET": "short",
        "QSTASH_TOKEN": "t",
        "MAX_RETRIES": "many",
        "FLASK_DEBUG": "1",
        "AUTH_JWKS_URL": "http://id.example/jwks",
        "ADMIN_SECRET_KEY": "changeme-changeme",
    }
    with started(*command, **bad) as process:
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode != 0
    missing = ("PUBLIC_BASE_URL", "QSTASH_CURRENT_SIGNING_KEY", "AUTH_ISSUER", "AUTH_AUDIENCE")
    for name in (*(set(bad) - {"QSTASH_TOKEN"}), *missing):
        assert f"- {name} " in output
    assert "very-secret" not in output


def test_help_works_without_settings():
    with flask("--help", QSTASH_TOKEN="") as process:
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    for command in ("db", "sweep", "token", "doctor", "rearm", "cron"):
        assert f"\n  {command} " in output


def test_prune_counts_deleted_posts_and_dry_run_deletes_nothing(sqlite_url: str, outside: HttpServer):
    with app_over(sqlite_url, outside, retention_days=30.0) as app:
        dry, done = run(app, "prune", "--dry-run"), run(app, "prune")
    assert dry.stdout.startswith("Would delete posts last changed more than 30 days ago: 0 published, 0 failed, ")
    assert done.stdout.startswith("Deleted posts last changed more than 30 days ago: 0 published, 0 failed, ")
    assert (dry.exit_code, done.exit_code) == (0, 0)


def test_prune_needs_an_age_from_option_or_setting(sqlite_url: str, outside: HttpServer):
    with app_over(sqlite_url, outside) as app:
        assert "more than 7.5 days ago" in run(app, "prune", "--older-than", "7.5").stdout
        refused = run(app, "prune")
        young = run(app, "prune", "--older-than", "0.001")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "RETENTION_DAYS" in refused.stderr
    assert young.exit_code == 1
    assert "PUBLISH_LEASE_SECONDS" in young.stderr
