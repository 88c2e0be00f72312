"""Several things at the very same time: threads that start together, and ways to wait for one another without luck."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from app.store.engine import Database

PATIENCE = 20  # seconds after which a test that hangs is told so


def together(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all at once; what each returned, or the exception it ended with, in order."""
    barrier = threading.Barrier(len(works))

    def start(work: Callable[[], Any]) -> Any:
        barrier.wait(PATIENCE)
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(start, works, timeout=PATIENCE))


def errors(results: Sequence[Any]) -> list[Exception]:
    return [result for result in results if isinstance(result, Exception)]


@contextmanager
def beside(work: Callable[[], Any]) -> Iterator[Future]:
    """Work in a thread of its own while the block runs."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


def wait_until_blocked(database: Database) -> None:
    """Until some session of this PostgreSQL database waits for another one's lock."""
    statement = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    pause = threading.Event()
    for _ in range(PATIENCE * 200):
        with database.reading() as connection:
            if connection.execute(statement).scalar():
                return
        pause.wait(0.005)
    raise TimeoutError("nobody waits for a lock")


def until(true: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE * 200):
        if true():
            return
        pause.wait(0.005)
    raise TimeoutError("it never came true")
