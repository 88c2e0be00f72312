"""Measures the processor time of the status route: of this process and of PostgreSQL's backends.

Processor time does not count waits, so a busy machine changes it less than the wall clock.
"""

from __future__ import annotations

import time
from pathlib import Path

import sqlalchemy as sa
from flask.testing import FlaskClient

from tests.bench.app_under_test import app_for
from tests.bench.generated_posts import engine_for

STATUS = "/api/scheduler/status"
LIMIT_MS = 3.0
BATCHES, CALLS = 40, 10


def measure_status(url: str) -> tuple[float, float]:
    """Return the milliseconds of one call, in the app and in PostgreSQL. The least of many batches has least noise."""
    app, engine = app_for(url)
    client = app.test_client()
    for _ in range(CALLS):
        _call(client)
    backends = _backends(url)
    batches = [_batch(client, backends) for _ in range(BATCHES)]
    engine.dispose()
    return min(batches, key=sum)


def _batch(client: FlaskClient, backends: list[int]) -> tuple[float, float]:
    ours, theirs = time.process_time(), _used(backends)
    for _ in range(CALLS):
        _call(client)
    return (time.process_time() - ours) * 1000 / CALLS, (_used(backends) - theirs) / CALLS


def _call(client: FlaskClient) -> None:
    answer = client.get(STATUS)
    assert answer.json is not None
    assert answer.json["database"] == "ok"


def _backends(url: str) -> list[int]:
    """Return the process ids of the app's connections. The server runs on this machine."""
    ids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with engine_for(url).connect() as connection:
        return list(connection.execute(sa.text(f"{ids} AND application_name = 'punctual'")).scalars())


def _used(backends: list[int]) -> float:
    """Return the milliseconds that these processes have used, from the kernel's scheduler."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in backends) / 1e6
