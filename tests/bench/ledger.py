"""Reads the receiver's ledger over HTTP."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass

import requests

POLL_SECONDS = 0.1  # rare enough to cost the measured systems almost nothing


@dataclass(frozen=True)
class Post:
    """One post of a run: its key at the receiver, and its due instant in unix seconds."""

    key: str
    due: float


class Ledger:
    """The arrivals at one receiver."""

    def __init__(self, url: str) -> None:
        self.webhook = f"{url}/webhook/publish"
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def clear(self) -> None:
        self._session.delete(f"{self._url}/ledger", timeout=10).raise_for_status()

    def count(self) -> int:
        return int(self._session.get(f"{self._url}/count", timeout=10).json())

    def arrivals(self, keys: Collection[str]) -> dict[str, list[float]]:
        """Return the arrival instants of each of these keys, in unix seconds."""
        found: dict[str, list[float]] = defaultdict(list)
        for key, at_ns in self._session.get(f"{self._url}/ledger", timeout=60).json():
            if key in keys:
                found[key].append(at_ns / 1e9)
        return dict(found)

    def wait_for(self, count: int, until: float, pause: Callable[[float], None]) -> bool:
        """Wait for `count` arrivals. Return False if they have not come by `until` (unix seconds)."""
        while (present := self.count()) < count and time.time() < until:
            pause(POLL_SECONDS)
        return present >= count

    def close(self) -> None:
        self._session.close()
