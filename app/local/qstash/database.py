"""SQLite behind one writer thread: writes are queued, and those waiting together share one transaction.

Promise: what was written before `commit` returns outlives a kill of this process; reads see every write that came
before them.
"""

import asyncio
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# Writes that nobody waits for are put off this long, so that a burst is delivered before it is written up.
IDLE_FLUSH_SECONDS = 0.05

_log = logging.getLogger(__name__)

Statement = tuple[str, tuple[Any, ...]]


class DataFileError(Exception):
    """The data file cannot be used; the text says why in one line."""


class Journal:
    """An ordered log of statements on its way to the file."""

    def __init__(self, path: str, schema: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._queued: list[Statement] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._db = self._thread.submit(_open, path, schema).result()

    def write(self, sql: str, *parameters: Any) -> None:
        self._queued.append((sql, parameters))
        if self._timer is None and self._flushing is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE_FLUSH_SECONDS, self._flush_soon)

    async def commit(self) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._flush_soon()
        await done

    async def read(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        await self.commit()
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._select, sql, parameters)

    def read_now(self, sql: str) -> list[sqlite3.Row]:
        """Blocks; for the start only, when nothing is served yet."""
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
            # Whoever asks while the thread is busy joins the next transaction, not this one.
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
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=0.2)
        db.row_factory = sqlite3.Row
        # Two stand-ins on one file would deliver everything twice, so the file belongs to one process.
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        # A kill takes nothing from the file, even if commits do not wait for the disk. A power cut might take the last
        # ones, and that would be the end of the rest of the local stack as well.
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(schema)
        db.execute("BEGIN IMMEDIATE")
        db.commit()
    except (sqlite3.Error, OSError) as error:
        raise DataFileError(f"cannot use the data file {path}: {error}") from error
    return db
