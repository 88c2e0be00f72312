"""Measures one user's post alone, and beside another user's thousand posts of the same instant.

    python -m tests.bench.fair [--posts 1000] [--rounds 5]

The gate is real and runs in this process, on its own PostgreSQL and by the host's clock. n8n is a sleep of 5 ms.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from app.adapters.clock import SystemClock
from app.delivery.dispatch import dispatch
from app.delivery.gate.gate import Gate
from app.deps import Deps
from app.domain.ports import Reply, Submission
from app.domain.seats import Seats
from app.store.schema.tables import new_id, posts, social_accounts
from tests.bench.app_under_test import deps_for
from tests.support.databases import PostgresDatabases
from tests.support.postgres import postgres_server
from tests.support.rows import account_row, post_row

N8N_SECONDS = 0.005
LEAD = timedelta(seconds=2)


class SleepingPublisher:
    """n8n, which answers 200 after N8N_SECONDS."""

    def __init__(self) -> None:
        self.sent_at: dict[str, float] = {}

    def send(self, submission: Submission) -> Reply:
        at = SystemClock().now()
        self.sent_at[submission.post_id] = (at - submission.scheduled_at).total_seconds() * 1000
        time.sleep(N8N_SECONDS)
        return Reply("answered", at, 200, None, "", "")

    def warm(self, count: int = 1) -> None: ...

    def check(self) -> str | None:
        return None


def measure(deps: Deps, publisher: SleepingPublisher, crowd: int) -> float:
    """Return the lateness in ms of one user's post beside `crowd` posts of another user."""
    due = deps.clock.now() + LEAD + timedelta(milliseconds=5 * crowd)
    accounts = {user: new_id() for user in ("crowd", "one")}
    rows = [
        post_row("scheduled", user_id=user, social_account_id=accounts[user], scheduled_at=due, next_attempt_at=due)
        for user in ["crowd"] * crowd + ["one"]
    ]
    with deps.db.transaction() as tx:
        tx.execute(sa.delete(social_accounts))
        tx.execute(sa.insert(social_accounts), [account_row(accounts[user], user_id=user) for user in accounts])
        tx.execute(sa.insert(posts), rows)
    with ThreadPoolExecutor(crowd + 1) as pool:
        list(pool.map(lambda row: dispatch(deps, row["id"], row["generation"], "message"), rows))
    return publisher.sent_at[rows[-1]["id"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    threading.stack_size(256 * 1024)
    with postgres_server() as server:
        databases = PostgresDatabases(server)
        with databases.migrated() as url:
            publisher = SleepingPublisher()
            deps = replace(
                deps_for(url, dispatch_lead_seconds=25.0),
                clock=SystemClock(),
                gate=Gate(),
                publisher=publisher,
                seats=Seats(options.posts + 1),
                database_clock=True,
            )
            measure(deps, publisher, 10)  # starts the threads
            for crowd in (0, options.posts):
                found = [measure(deps, publisher, crowd) for _ in range(options.rounds)]
                each = ", ".join(f"{late:.1f}" for late in found)
                print(f"beside {crowd} posts: median {statistics.median(found):.1f} ms late ({each})", flush=True)
            deps.db.close()
        databases.close()


if __name__ == "__main__":
    main()
