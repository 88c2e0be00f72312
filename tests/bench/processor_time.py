"""Measures the processor time of the status route: of this process and of PostgreSQL's backends.

Processor time does not count waits, so a busy machine changes it less than the wall clock. The app is called as a
server calls it: Flask's test client would be a tenth of the figure.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.bench.app_under_test import app_for
from tests.bench.generated_posts import engine_for

STATUS = "/api/scheduler/status"
LIMIT_MS = 3.0
BATCHES, CALLS = 40, 10
REQUEST = EnvironBuilder(STATUS).get_environ()


def measure_status(url: str) -> tuple[float, float]:
    """Return the milliseconds of one call, in the app and in PostgreSQL. The least of many batches has least noise."""
    app, engine = app_for(url)
    for _ in range(CALLS):
        _call(app)
    served_by = backends(url)
    batches = [_batch(app, served_by) for _ in range(BATCHES)]
    engine.dispose()
    return min(batches, key=sum)


def _batch(app: Flask, served_by: list[int]) -> tuple[float, float]:
    ours, theirs = time.process_time(), used_ms(served_by)
    for _ in range(CALLS):
        _call(app)
    return (time.process_time() - ours) * 1000 / CALLS, (used_ms(served_by) - theirs) / CALLS


def _call(app: Flask) -> None:
    body, status, _ = run_wsgi_app(app, dict(REQUEST), buffered=True)
    assert status == "200 OK"
    assert b'"database":"ok"' in b"".join(body)


def backends(url: str) -> list[int]:
    """Return the process ids of the app's connections. The server runs on this machine."""
    ids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with engine_for(url).connect() as connection:
        return list(connection.execute(sa.text(f"{ids} AND application_name = 'punctual'")).scalars())


def used_ms(processes: Sequence[int]) -> float:
    """Return the milliseconds that these processes have used, from the kernel's scheduler."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in processes) / 1e6
