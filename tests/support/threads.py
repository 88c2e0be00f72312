"""Runs calls concurrently in threads, and waits for conditions without fixed sleeps."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from app.store.engine import Database

TIMEOUT_SECONDS = 60  # after which a hanging test fails. A busy machine needs many of them.


def run_together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all calls at once, and return each result or exception, in order."""
    barrier = threading.Barrier(len(works))

    def start(work: Callable[[], Any]) -> Any:
        barrier.wait(TIMEOUT_SECONDS)
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(start, works, timeout=TIMEOUT_SECONDS))


def errors(results: Sequence[Any]) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]


@contextmanager
def run_beside(work: Callable[[], Any]) -> Iterator[Future]:
    """Run `work` in another thread while the block runs, and yield its future."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


def wait_until_blocked(database: Database) -> None:
    """Wait until a session of this PostgreSQL database waits for a lock.

    Raises: TimeoutError after TIMEOUT_SECONDS.
    """
    statement = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    pause = threading.Event()
    for _ in range(TIMEOUT_SECONDS * 200):
        with database.reading() as connection:
            if connection.execute(statement).scalar():
                return
        pause.wait(0.005)
    raise TimeoutError("no session waits for a lock")


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until the condition holds.

    Raises: TimeoutError after TIMEOUT_SECONDS.
    """
    pause = threading.Event()
    for _ in range(TIMEOUT_SECONDS * 200):
        if condition():
            return
        pause.wait(0.005)
    raise TimeoutError("the condition stayed false")
