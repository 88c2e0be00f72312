"""Drills: the disk of PostgreSQL's data, or of its write-ahead log, is full for some seconds.

The disk is a small tmpfs, so these drills need the right to mount.
"""

import os
import pwd
import subprocess
from pathlib import Path

import psycopg2

from app.local.errors import StackError
from tests.chaos.drills.scene import Scene
from tests.support.durable_postgres import SETTINGS, Postgres
from tests.support.postgres import _unprivileged_user

DATA_DISK, WAL_DISK = "128m", "80m"
FULL_SECONDS = 8.0
NOTICED_SECONDS = 30.0
LOG_RECORD = "SELECT pg_logical_emit_message(false, 'drill', repeat('x', 1000000))"
BLOCK = b"\0" * 65_536


class SmallDiskPostgres(Postgres):
    """A server with its data or its write-ahead log on a file system of its own."""

    def __init__(self, log: Path, *, wal: bool) -> None:
        super().__init__(log, {**SETTINGS, "max_wal_size": "48MB", "min_wal_size": "32MB"})
        self._wal = wal
        self.disk = self._home / "wal" if wal else self._data

    def create(self, *options: str) -> None:
        """Mount the disk, then create the data folder, with the log in a folder of its own.

        Raises: StackError without the right to mount.
        """
        self.disk.mkdir()
        user = pwd.getpwnam(_unprivileged_user() or pwd.getpwuid(os.geteuid()).pw_name)
        size = f"size={WAL_DISK if self._wal else DATA_DISK},mode=700,uid={user.pw_uid},gid={user.pw_gid}"
        mount = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.disk)], capture_output=True, text=True, check=False
        )
        if mount.returncode:
            raise StackError(f"This drill needs the right to mount a file system: {mount.stderr.strip()}")
        super().create(f"--waldir={self._home / 'wal'}", *options)

    def fill(self) -> None:
        """Write a file until the disk has no byte left."""
        ballast = os.open(self._ballast, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            for size in (len(BLOCK), 512, 1):
                self._write_until_full(ballast, BLOCK[:size])
        finally:
            os.close(ballast)

    def free(self) -> None:
        self._ballast.unlink()

    def close(self) -> None:
        super().close()
        subprocess.run(["umount", "--lazy", str(self.disk)], capture_output=True, check=False)
        self.remove_files()

    @property
    def _ballast(self) -> Path:
        return self.disk / "ballast"

    @staticmethod
    def _write_until_full(file: int, block: bytes) -> None:
        try:
            while os.write(file, block):
                pass
        except OSError:
            return


def data_disk(log: Path) -> Postgres:
    return SmallDiskPostgres(log, wal=False)


def wal_disk(log: Path) -> Postgres:
    return SmallDiskPostgres(log, wal=True)


def fill_data_disk(scene: Scene) -> None:
    """Fill the disk of the data: tables cannot grow, and statements fail one by one."""
    database = _small(scene)
    scene.pause_until(scene.origin - FULL_SECONDS / 2)
    with scene.fault():
        database.fill()
        scene.pause(FULL_SECONDS)
        database.free()
        scene.wait_until_ready()
    _expect(scene, "No space left on device", "no statement met the full disk")


def fill_wal_disk(scene: Scene) -> None:
    """Fill the disk of the write-ahead log: the server panics. Free it, and bring the server back as an operator."""
    database = _small(scene)
    scene.pause_until(scene.origin - 1)
    with scene.fault():
        database.fill()
        _write_log_until_panic(scene)
        scene.pause(FULL_SECONDS)
        database.free()
        if database.ended:
            scene.notes.append("the server had stopped by itself and was started again")
            database.start()
        scene.wait_until_ready()
    _expect(scene, "PANIC", "the server did not panic")


def _write_log_until_panic(scene: Scene) -> None:
    """Use up the segments that the server has in reserve."""

    def panics() -> bool:
        try:
            connection = psycopg2.connect(scene.stack.database.url, connect_timeout=5)
        except psycopg2.OperationalError:
            return True
        try:
            with connection.cursor() as cursor:
                cursor.execute(LOG_RECORD)
        except psycopg2.OperationalError:
            return True
        finally:
            connection.close()
        return False

    scene.wait_for("the server's panic", panics, NOTICED_SECONDS)


def _small(scene: Scene) -> SmallDiskPostgres:
    assert isinstance(scene.stack.database, SmallDiskPostgres)
    return scene.stack.database


def _expect(scene: Scene, words: str, otherwise: str) -> None:
    """Count the log's lines with these words. Without any the drill has shown nothing."""
    log = (scene.stack.logs / "postgres.log").read_text(errors="replace")
    count = log.count(words)
    if count:
        scene.notes.append(f"PostgreSQL's log has {words!r} {count} times")
    else:
        scene.problems.append(otherwise)
