"""Drills in the middle of a burst: PostgreSQL restarted twice, connections cut, a worker killed."""

import os
import signal

from tests.chaos.database_faults import DatabaseFaults
from tests.chaos.drills.scene import Scene

DOWN_SECONDS = 1.0
CUTS, BETWEEN_CUTS_SECONDS = 4, 0.4


def restart_twice(scene: Scene) -> None:
    """Stop the server cleanly, then as in a crash, and start it again each time."""
    database = scene.stack.database
    scene.wait_for_copies(scene.copies() + scene.burst // 8)
    with scene.fault():
        for mode in ("fast", "immediate"):
            before = scene.copies()
            database.stop(mode)
            scene.pause(DOWN_SECONDS)
            database.start()
            scene.notes.append(f"{mode} stop with {before} posts out")
            if mode == "fast":
                scene.wait_for_copies(before + scene.burst // 8)
        scene.wait_until_ready()


def cut_and_kill(scene: Scene) -> None:
    """End all sessions of the app several times, and kill one of its workers between."""
    faults = DatabaseFaults(scene.stack.database.url)
    scene.wait_for_copies(scene.copies() + scene.burst // 8)
    with scene.fault():
        for number in range(CUTS):
            scene.notes.append(f"{faults.cut_connections()} with {scene.copies()} posts out")
            if number == 1:
                os.kill(min(scene.stack.workers("app")), signal.SIGKILL)
                scene.notes.append(f"a worker killed with {scene.copies()} posts out")
            scene.pause(BETWEEN_CUTS_SECONDS)
        scene.wait_until_ready()
