"""Faults of a running PostgreSQL: read-only, a locked row, cut connections. Each is begun and ended from outside."""

from typing import Any

import psycopg2

APP = "application_name = 'punctual'"
LOCK_ONE = """
SELECT id::text FROM posts WHERE status = 'scheduled' AND next_attempt_at > now() + interval '0.2 second'
ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""


class DatabaseFaults:
    """Sessions of our own beside the app's, so our writes work in read-only mode and our lock lasts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._holder: Any = None

    def make_read_only(self) -> str:
        """Let every new session begin read-only, and end the app's, as after a failover. Returns the number ended."""
        self._execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
        return self.cut_connections()

    def make_writable(self) -> None:
        """Let new sessions write again. Sessions opened in between stay, and stay read-only."""
        self._execute("ALTER DATABASE postgres RESET default_transaction_read_only")

    def cut_connections(self) -> str:
        """End the app's sessions wherever they are. Returns the number ended."""
        ended = self._execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {APP}")
        return f"{len(ended)} connections ended"

    def lock_a_post(self) -> str:
        """Lock the row of the next due post until `unlock`. Returns its id."""
        self._holder = self._connect()
        with self._holder.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(LOCK_ONE)
            row = cursor.fetchone()
        return f"post {row[0]}" if row else "none scheduled"

    def unlock(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def _execute(self, statement: str) -> list[tuple[Any, ...]]:
        connection = self._connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def _connect(self) -> Any:
        connection = psycopg2.connect(self._url, connect_timeout=5, options="-c default_transaction_read_only=off")
        connection.autocommit = True
        return connection
