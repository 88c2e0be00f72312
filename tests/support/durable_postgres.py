"""A PostgreSQL server that survives crashes: its data folder stays, and commits are synced to disk."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2

from app.local.child_processes import die_with_parent
from tests.support.postgres import _binaries, _unprivileged_user, _wait_until_ready

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "",
    "max_connections": "200",
    "timezone": "Pacific/Apia",  # an instant stored or read without its zone is then off by half a day
}
STOP_SECONDS = 120  # ends a hanging test


class Postgres:
    """One server on a Unix socket. It runs as an unprivileged user, since PostgreSQL refuses root."""

    def __init__(self, log: Path, settings: Mapping[str, str] = SETTINGS) -> None:
        self._log = log.open("a+b")
        self._settings = settings
        self._home = Path(tempfile.mkdtemp(prefix="punctual-lasting-pg-"))
        self._data = self._home / "data"
        self._user = _unprivileged_user()
        if self._user:
            shutil.chown(self._home, self._user)
        self._binaries = _binaries(self._home, self._user)
        self._options: dict[str, Any] = {
            "cwd": "/",
            "env": {**os.environ, "HOME": str(self._home), "PGDATA": str(self._data), "LC_ALL": "C"},
            "user": self._user,
        }
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://postgres@/postgres?host={quote(str(self._home), safe='')}"

    def create(self, *options: str) -> None:
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", *options)

    def start(self) -> None:
        """Start the server and wait until it accepts connections.

        After an immediate stop this includes the replay of its log.
        """
        command = [str(self._binaries / "postgres"), "-k", str(self._home)]
        command += [f"-c{name}={value}" for name, value in self._settings.items()]
        self._server = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(os.getpid()),
            **self._options,
        )
        _wait_until_ready(self._server, self._data, self._log)

    def new_database(self, database: str) -> str:
        """Create an empty database and return its URL. An existing one of that name is dropped."""
        connection = psycopg2.connect(self.url, connect_timeout=5)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
                cursor.execute(f'CREATE DATABASE "{database}"')
        finally:
            connection.close()
        return self.url.replace("@/postgres?", f"@/{database}?")

    def stop(self, mode: str) -> None:
        """Stop with pg_ctl in this mode. `immediate` is a crash, without a checkpoint."""
        if self._server is None:
            return
        self._run("pg_ctl", "stop", "-m", mode, "-t", str(STOP_SECONDS))
        self._server.wait(STOP_SECONDS)
        self._server = None

    @property
    def ended(self) -> bool:
        """Return True if the server has exited by itself."""
        return self._server is not None and self._server.poll() is not None

    def close(self) -> None:
        """Stop the server from any state and remove its files."""
        try:
            if self._server is not None and self._server.poll() is None:
                self.stop("immediate")
        except (RuntimeError, subprocess.SubprocessError):
            assert self._server is not None
            self._server.kill()
            self._server.wait(STOP_SECONDS)
        finally:
            self._log.close()
            self.remove_files()

    def remove_files(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, **self._options)
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
