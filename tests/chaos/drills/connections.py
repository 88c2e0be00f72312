"""Drill: other programs take PostgreSQL's connections, at last all of them, and leave after some seconds."""

import time
from pathlib import Path
from typing import Any

import psycopg2

from app.local.errors import StackError
from tests.chaos.database_faults import APP
from tests.chaos.drills.scene import Scene
from tests.support.durable_postgres import SETTINGS, Postgres

MAX_CONNECTIONS = 60
FREE_TAKEN_SECONDS, ALL_TAKEN_SECONDS = 4.0, 6.0
TAKING_SECONDS = 20.0


class OtherPrograms:
    """Sessions of others. They log in with the app's role, so the reserved connections are taken too."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sessions: list[Any] = []

    def take_free(self) -> int:
        """Take every free connection. Returns the number of all that are held."""
        while True:
            try:
                session = psycopg2.connect(self._url, connect_timeout=5, application_name="others")
            except psycopg2.OperationalError:
                return len(self._sessions)
            session.autocommit = True
            self._sessions.append(session)

    def take_all(self) -> int:
        """End the app's sessions and take their connections, until the app has none.

        Raises: StackError where the app still has one after TAKING_SECONDS.
        """
        deadline = time.monotonic() + TAKING_SECONDS
        while time.monotonic() < deadline:
            self._ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {APP}")
            self.take_free()
            if not self._ask(f"SELECT 1 FROM pg_stat_activity WHERE {APP}"):
                return len(self._sessions)
        raise StackError("The app kept a connection.")

    def leave(self) -> None:
        for session in self._sessions:
            session.close()
        self._sessions.clear()

    def _ask(self, statement: str) -> list[tuple[Any, ...]]:
        with self._sessions[0].cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())


def few_connections(log: Path) -> Postgres:
    return Postgres(log, {**SETTINGS, "max_connections": str(MAX_CONNECTIONS)})


def use_up_connections(scene: Scene) -> None:
    others = OtherPrograms(scene.stack.database.url)
    scene.pause_until(scene.origin - FREE_TAKEN_SECONDS)
    try:
        with scene.fault():
            free = others.take_free()
            scene.pause_until(scene.origin + 0.3)
            taken = others.take_all()
            scene.pause(ALL_TAKEN_SECONDS)
            others.leave()
            scene.wait_until_ready()
    finally:
        others.leave()
    scene.notes.append(f"others took the {free} free connections, then {taken} of {MAX_CONNECTIONS}")
