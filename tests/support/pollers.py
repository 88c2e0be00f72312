"""Real `flask sweep --every` processes over one database, and the due posts they send."""

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
from app.domain.sealing import access_token_of
from app.store.engine import Database, make_engine
from app.store.schema.tables import new_id, posts, social_accounts
from tests.support.rows import account_row, post_row

ROOT = Path(__file__).resolve().parents[2]
KEY = "cG9sbGVycy1zaGFyZS1vbmUta2V5LTl4ei1xdmo3LWI="
TIMEOUT_SECONDS = 60.0


class Poller:
    """One process. Its output goes to a file, so a full pipe cannot block it."""

    def __init__(self, output_file: Path, every: float, database_url: str, n8n_url: str, **settings: str) -> None:
        self._output_file = output_file
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "TOKEN_ENCRYPTION_KEYS": KEY,
            "DATABASE_URL": database_url,
        }
        environment |= {"N8N_WEBHOOK_URL": f"{n8n_url}/webhook/publish"} | settings
        with output_file.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "wsgi", "sweep", "--every", str(every)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._output_file.read_text(encoding="utf-8")

    @property
    def lines(self) -> list[str]:
        """Return the summary lines of its runs, one per run."""
        return [line for line in self.output.splitlines() if line.startswith("recovered=")]

    @property
    def sent_count(self) -> int:
        """Return the number of posts it has sent."""
        return sum(int(found) for line in self.lines for found in re.findall(r"recovered=(\d+)", line))

    def wait_for_output(self, words: str) -> None:
        wait_for(repr(words), lambda: words in self.output or self.process.poll() is not None)
        assert words in self.output, self.output

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT_SECONDS)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT_SECONDS)


@contextmanager
def pollers(
    count: int, folder: Path, every: float, database_url: str, n8n_url: str, **settings: str
) -> Iterator[list[Poller]]:
    """Run `count` processes while the block runs. Each has swept once before it starts."""
    files = [folder / f"poller-{number}.txt" for number in range(count)]
    started = [Poller(output_file, every, database_url, n8n_url, **settings) for output_file in files]
    try:
        for poller in started:
            poller.wait_for_output("recovered=")
        yield started
    finally:
        for poller in started:
            poller.close()


def wait_for(what: str, condition: Callable[[], Any], seconds: float = TIMEOUT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)


class PostDatabase:
    """The database that the processes share. Tests add posts and read results."""

    def __init__(self, database_url: str) -> None:
        self.db = Database(make_engine(database_url))

    def close(self) -> None:
        self.db.close()

    def put(self, count: int) -> list[str]:
        """Insert `count` overdue posts with increasing due instants, and return their ids."""
        account, now = new_id(), datetime.now(UTC)
        token = FernetVault((KEY,)).encrypt("token-1", access_token_of(account))
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
        """Move all reservations `by` into the past."""
        with self.db.transaction() as tx:
            for post_id, at in tx.execute(sa.select(posts.c.id, posts.c.swept_at).where(posts.c.swept_at.is_not(None))):
                tx.execute(sa.update(posts).where(posts.c.id == post_id).values(swept_at=at - by))

    def count(self, status: str) -> int:
        with self.db.reading() as connection:
            statement = sa.select(sa.func.count()).select_from(posts).where(posts.c.status == status)
            return connection.execute(statement).scalar_one()

    def lateness(self) -> list[float]:
        """Return the lateness of every attempt in ms, ascending."""
        with self.db.reading() as connection:
            return list(connection.execute(sa.text("SELECT lateness_ms FROM attempts ORDER BY 1")).scalars())
