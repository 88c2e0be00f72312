"""Times the disk beside a run: a page is written and synced every 20 ms, as a commit of a database is.

Posts that are late while such a page waits were held by the disk.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EVERY_SECONDS = 0.02
STALL_SECONDS = 0.01  # shorter ones are usual
PAGE = bytes(8192)  # PostgreSQL's
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Stall:
    """One page that waited: from its write to the end of its sync, in unix seconds."""

    start: float
    end: float


class DiskWatch:
    """A process of its own, for a busy interpreter would look like a slow disk."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._stalls = folder / "stalls.txt"
        command = [sys.executable, "-m", "tests.bench.disk_watch", str(folder / "page"), str(self._stalls)]
        self._process = subprocess.Popen(command, cwd=ROOT)

    def stalls(self) -> list[Stall]:
        """Return the stalls so far, in the order of their ends."""
        if not self._stalls.exists():
            return []
        lines = self._stalls.read_text().splitlines()
        return [Stall(*map(float, line.split())) for line in lines]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def held_seconds(stalls: Sequence[Stall], start: float, end: float) -> float:
    """Return how long the disk stalled between two instants, in seconds."""
    return sum(max(0.0, min(stall.end, end) - max(stall.start, start)) for stall in stalls)


def longest_seconds(stalls: Sequence[Stall], start: float, end: float) -> float:
    """Return the longest stall that touches this time, in seconds. 0.0 without one."""
    return max((stall.end - stall.start for stall in stalls if stall.start < end and stall.end > start), default=0.0)


def _watch(page: Path, stalls: Path) -> None:
    parent = os.getppid()
    with page.open("wb", buffering=0) as file, stalls.open("w", buffering=1) as found:
        while os.getppid() == parent:
            began, clock = time.time(), time.monotonic()
            file.seek(0)
            file.write(PAGE)
            os.fsync(file.fileno())
            if (seconds := time.monotonic() - clock) > STALL_SECONDS:
                found.write(f"{began:.4f} {began + seconds:.4f}\n")
            time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    _watch(Path(sys.argv[1]), Path(sys.argv[2]))
