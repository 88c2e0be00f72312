"""Measures the processor time of a scrape of the metrics, over many posts and many recent attempts.

    python -m tests.bench.scrape [--posts 1000000] [--recent 0,1000,50000] [--calls 20]

It starts its own PostgreSQL. Exits with 1 where the median of a scrape without recent attempts exceeds LIMIT_MS, or
grows with the number of posts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from flask.testing import FlaskClient

from app.sweep.sweep import sweep
from tests.bench.app_under_test import app_for, deps_for
from tests.bench.generated_posts import execute, fill, vacuum
from tests.bench.processor_time import backends, used_ms
from tests.support.databases import PostgresDatabases
from tests.support.postgres import postgres_server
from tests.web.answers import SECRETS

LIMIT_MS, GROWTH = 100.0, 2.0
SMALL = 1_000
HEADERS = {"Authorization": f"Bearer {SECRETS['metrics_secret']}"}
RECENT = """
UPDATE attempts SET started_at = now() - random() * interval '20 minutes', sent_at = now(), woken_at = now(),
    accepted_at = now(), reported_at = now() WHERE post_id IN (SELECT post_id FROM attempts LIMIT {number})
"""


def main() -> int:
    options = _options()
    with postgres_server() as server:
        databases = PostgresDatabases(server)
        with databases.migrated() as small, databases.migrated() as large:
            fill(small, SMALL)
            fill(large, options.posts)
            _sweep(small, large)
            print(f"{'posts':>10} {'recent attempts':>16} {'app, ms':>8} {'PostgreSQL, ms':>14} {'bytes':>7}")
            few, many = ((small, SMALL), (large, options.posts))
            least = [_measure(url, number, 0, options.calls) for url, number in (few, many)]
            for recent in options.recent:
                _measure(large, options.posts, recent, options.calls)
        databases.close()
    missed = least[1] > LIMIT_MS or least[1] > GROWTH * least[0]
    print("MISSED" if missed else "The cost does not grow with the number of posts.")
    return int(missed)


def _sweep(*urls: str) -> None:
    """Run one sweep on each database, which counts the final posts once."""
    for url in urls:
        deps = deps_for(url)
        sweep(deps)
        deps.db.close()


def _measure(url: str, posts: int, recent: int, calls: int) -> float:
    if recent:
        execute(url, RECENT.format(number=recent))
        vacuum(url)
    app, engine = app_for(url)
    client = app.test_client()
    _scrape(client)
    served_by = backends(url)
    taken = [_scrape(client, served_by) for _ in range(calls)]
    size = len(client.get("/metrics", headers=HEADERS).data)
    engine.dispose()
    ours, theirs = min(taken, key=sum)
    print(f"{posts:>10,} {recent:>16,} {ours:>8.1f} {theirs:>14.1f} {size:>7,}", flush=True)
    return ours + theirs


def _scrape(client: FlaskClient, served_by: Sequence[int] = ()) -> tuple[float, float]:
    """Return the processor's milliseconds of one scrape: in the app and in PostgreSQL."""
    ours, theirs = time.process_time(), used_ms(served_by)
    answer = client.get("/metrics", headers=HEADERS)
    assert answer.status_code == 200
    return (time.process_time() - ours) * 1000, used_ms(served_by) - theirs


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--recent", type=lambda text: [int(part) for part in text.split(",")], default=[1_000, 50_000])
    parser.add_argument("--calls", type=int, default=20)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
