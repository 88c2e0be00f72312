"""Measures the processor time of a running server: its worker processes and its database's backends."""

import os
from collections.abc import Iterable
from pathlib import Path

import psycopg2

TICKS = os.sysconf("SC_CLK_TCK")
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def server_ms(workers: Iterable[int], database_url: str) -> float:
    """Return the milliseconds of processor that these processes and the backends of this database have used.

    The kernel counts in ticks of 10 ms, so measure many calls.
    """
    connection = psycopg2.connect(database_url, connect_timeout=5)
    try:
        with connection.cursor() as cursor:
            cursor.execute(BACKENDS)
            backends = [int(row[0]) for row in cursor.fetchall()]
    finally:
        connection.close()
    return sum(_used_ms(pid) for pid in (*workers, *backends))


def _used_ms(pid: int) -> float:
    """Return the time in user and kernel mode of all threads of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / TICKS
