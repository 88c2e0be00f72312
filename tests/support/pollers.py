"""Real `flask sweep --every` processes over one database, a real HTTP n8n, and posts that are due."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.adapters.vault import FernetVault
from app.store.engine import Database, make_engine
from app.store.schema.tables import new_id, posts, social_accounts
from tests.support.rows import account_row, post_row

ROOT = Path(__file__).resolve().parents[2]
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
PATIENCE_SECONDS = 60.0


class Poller:
    """One process; what it says is in a file, so that nobody has to read along."""

    def __init__(self, said: Path, every: float, database_url: str, n8n_url: str, **settings: str) -> None:
        self._said = said
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "TOKEN_ENCRYPTION_KEYS": KEY,
            "DATABASE_URL": database_url,
        }
        environment |= {"N8N_WEBHOOK_URL": f"{n8n_url}/webhook/publish"} | settings
        with said.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", "sweep", "--every", str(every)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return self._said.read_text(encoding="utf-8")

    @property
    def lines(self) -> list[str]:
        """One per run."""
        return [line for line in self.said.splitlines() if line.startswith("recovered=")]

    @property
    def share(self) -> int:
        """How many posts it has sent."""
        return sum(int(found) for line in self.lines for found in re.findall(r"recovered=(\d+)", line))

    def until_it_says(self, words: str) -> None:
        wait_for(repr(words), lambda: words in self.said or self.process.poll() is not None)
        assert words in self.said, self.said

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_SECONDS)


@contextmanager
def pollers(
    count: int, folder: Path, every: float, database_url: str, n8n_url: str, **settings: str
) -> Iterator[list[Poller]]:
    """All up: each has swept once."""
    files = [folder / f"poller-{number}.txt" for number in range(count)]
    started = [Poller(said, every, database_url, n8n_url, **settings) for said in files]
    try:
        for poller in started:
            poller.until_it_says("recovered=")
        yield started
    finally:
        for poller in started:
            poller.close()


def wait_for(what: str, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.02)


class Shelf:
    """The database as the posts' authors fill it."""

    def __init__(self, database_url: str) -> None:
        self.db = Database(make_engine(database_url))

    def close(self) -> None:
        self.db.close()

    def put(self, count: int) -> list[str]:
        """So many posts that are due, one after the other; their ids."""
        account, now = new_id(), datetime.now(UTC)
        token = FernetVault((KEY,)).encrypt("token-1")
        rows = []
        for number in range(count):
            due = now - timedelta(seconds=1, microseconds=count - number)
            times = {"scheduled_at": due, "next_attempt_at": due, "message_id": None, "created_at": now}
            rows.append(post_row("scheduled", social_account_id=account, **times))
        with self.db.transaction() as tx:
            identity = {"external_id": account, "access_token": token, "connected_at": now}
            tx.execute(sa.insert(social_accounts).values(account_row(account, **identity)))
            tx.execute(sa.insert(posts), rows)
        return [row["id"] for row in rows]

    def age_reservations(self, by: timedelta) -> None:
        """As if they had been made so much earlier."""
        with self.db.transaction() as tx:
            for post_id, at in tx.execute(sa.select(posts.c.id, posts.c.swept_at).where(posts.c.swept_at.is_not(None))):
                tx.execute(sa.update(posts).where(posts.c.id == post_id).values(swept_at=at - by))

    def count(self, status: str) -> int:
        with self.db.reading() as connection:
            statement = sa.select(sa.func.count()).select_from(posts).where(posts.c.status == status)
            return connection.execute(statement).scalar_one()

    def lateness(self) -> list[float]:
        """In ms, of every attempt."""
        with self.db.reading() as connection:
            return list(connection.execute(sa.text("SELECT lateness_ms FROM attempts ORDER BY 1")).scalars())
