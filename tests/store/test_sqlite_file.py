"""A SQLite database and its folder are for their owner alone."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.store.engine import Database, make_engine
from app.store.sqlite_file import open_to_others


@pytest.fixture(params=[0o000, 0o022, 0o002], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path | str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.usefixtures("umask")
def test_new_database_and_its_folders_are_closed_to_others(tmp_path: Path):
    file = tmp_path / "instance" / "inner" / "punctual.sqlite3"
    db = Database(make_engine(f"sqlite:///{file}"))
    with db.transaction() as tx:
        tx.execute(sa.text("CREATE TABLE t (x)"))
        assert sorted(os.listdir(file.parent)) == [f"punctual.sqlite3{suffix}" for suffix in ("", "-shm", "-wal")]
        assert {mode(file.parent / name) for name in os.listdir(file.parent)} == {0o600}
    assert [mode(folder) for folder in (file.parent, file.parent.parent)] == [0o700, 0o700]
    assert open_to_others(file) == []
    db.close()


@pytest.mark.parametrize("bits", [0o644, 0o640, 0o666, 0o604])
def test_existing_files_of_ours_are_closed_to_others_and_their_folder_stays(tmp_path: Path, bits: int):
    folder, file = tmp_path / "shared", tmp_path / "shared" / "punctual.sqlite3"
    folder.mkdir()
    folder.chmod(0o755)
    db = Database(make_engine(f"sqlite:///{file}"))
    with db.transaction() as tx:
        tx.execute(sa.text("CREATE TABLE t (x)"))
    with db.transaction() as tx:
        tx.execute(sa.text("INSERT INTO t VALUES (1)"))
        for name in os.listdir(folder):
            (folder / name).chmod(bits)
        assert len(open_to_others(file)) == 3
        other = make_engine(f"sqlite:///{file}")
        with Database(other).reading() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM t")).scalar() == 0
        assert open_to_others(file) == []
        other.dispose()
    db.close()
    assert (mode(folder), mode(file)) == (0o755, 0o600)


def test_file_of_another_owner_is_left_to_the_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "punctual.sqlite3"
    file.touch()
    file.chmod(0o644)
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(file).st_uid + 1)
    db = Database(make_engine(f"sqlite:///{file}"))
    with db.reading():
        assert file in open_to_others(file)
    db.close()


@pytest.mark.parametrize(("bits", "found"), [(0o600, 0), (0o400, 0), (0o604, 1), (0o640, 1), (0o602, 1), (0o660, 1)])
def test_only_bits_of_others_count(tmp_path: Path, bits: int, found: int):
    file = tmp_path / "punctual.sqlite3"
    file.touch()
    file.chmod(bits)
    assert len(open_to_others(file)) == found


def test_new_connection_of_a_process_keeps_its_locks(tmp_path: Path):
    """Closing any other descriptor of the file would drop the locks of this process (POSIX)."""
    file = tmp_path / "punctual.sqlite3"
    db = Database(make_engine(f"sqlite:///{file}"))
    with db.transaction() as tx:
        tx.execute(sa.text("CREATE TABLE t (x)"))
    with db.transaction() as tx:
        tx.execute(sa.text("INSERT INTO t VALUES (1)"))
        with db.reading() as other:
            assert other.execute(sa.text("SELECT count(*) FROM t")).scalar() == 0
        child = f"import sqlite3; sqlite3.connect({str(file)!r}, timeout=0).execute('BEGIN IMMEDIATE')"
        ended = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False)
        assert "database is locked" in ended.stderr
    db.close()


def test_memory_and_uri_databases_create_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite://", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"):
        db = Database(make_engine(url))
        with db.reading() as connection:
            assert connection.execute(sa.text("SELECT 1")).scalar() == 1
        db.close()
    assert os.listdir(tmp_path) == []


def test_unwritable_folder_is_reported_as_a_database_that_cannot_be_opened(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.touch()
    db = Database(make_engine(f"sqlite:///{blocked}/inner/punctual.sqlite3"))
    with pytest.raises(Exception, match="database cannot be reached"), db.reading():
        pass
