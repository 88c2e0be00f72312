"""The SQLite file behind one thread, with group commit: queued writes share one transaction.

Invariant: a write survives a kill of this process once `commit` has returned. A read sees every earlier write.
"""

import asyncio
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.local.private_files import connect_sqlite

# Writes without a waiting `commit` are delayed by this time. A burst is then delivered before its events are written.
LAZY_FLUSH_SECONDS = 0.05

_log = logging.getLogger(__name__)

Statement = tuple[str, tuple[Any, ...]]


class DataFileError(Exception):
    """The data file cannot be used. The text gives the reason in one line."""


class Database:
    """A connection to the data file and the queue of its writes."""

    def __init__(self, path: str, schema: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._queued: list[Statement] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._db = self._thread.submit(_open, path, schema).result()

    def write(self, sql: str, *parameters: Any) -> None:
        """Queue a statement. It is written with the next commit, or after 50 ms."""
        self._queued.append((sql, parameters))
        if self._timer is None and self._flushing is None:
            self._timer = asyncio.get_running_loop().call_later(LAZY_FLUSH_SECONDS, self._flush_soon)

    async def commit(self) -> None:
        """Wait until all queued writes are in the file.

        Raises: the database error when the write fails.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._flush_soon()
        await done

    async def read(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        """Commit the queued writes, then read."""
        await self.commit()
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._select, sql, parameters)

    def read_now(self, sql: str) -> list[sqlite3.Row]:
        """Read and block the event loop. Only for the start, before anything is served."""
        return self._thread.submit(self._select, sql, ()).result()

    async def close(self) -> None:
        await self.commit()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._db.close)
        self._thread.shutdown()

    def _flush_soon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is None:
            self._flushing = asyncio.ensure_future(self._flush())

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queued or self._waiting:
            # A commit requested while the thread is busy joins the next transaction.
            statements, self._queued = self._queued, []
            waiting, self._waiting = self._waiting, []
            try:
                await loop.run_in_executor(self._thread, self._apply, statements)
            except Exception as error:
                _log.error("cannot write to the data file: %s", error)
                _resolve(waiting, error)
            else:
                _resolve(waiting, None)
        self._flushing = None

    def _apply(self, statements: list[Statement]) -> None:
        if not statements:
            return
        with self._db:
            for sql, parameters in statements:
                self._db.execute(sql, parameters)

    def _select(self, sql: str, parameters: tuple[Any, ...]) -> list[sqlite3.Row]:
        return self._db.execute(sql, parameters).fetchall()


def _resolve(waiting: list[asyncio.Future[None]], error: Exception | None) -> None:
    for future in waiting:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _open(path: str, schema: str) -> sqlite3.Connection:
    try:
        connect = sqlite3.connect if path == ":memory:" else connect_sqlite
        db = connect(path, timeout=0.2)
        db.row_factory = sqlite3.Row
        # Two stand-ins on one file would deliver every message twice, so one process locks the file.
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        # Commits do not wait for the disk. A kill of the process loses nothing. A power failure can lose the last
        # commits, which a local stack accepts.
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(schema)
        db.execute("BEGIN IMMEDIATE")
        db.commit()
    except (sqlite3.Error, OSError) as error:
        raise DataFileError(f"cannot use the data file {path}: {error}") from error
    return db
