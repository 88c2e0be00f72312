"""The receiver's ledger, read from outside, and the posts that are to be found in it."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass

import requests

POLL_SECONDS = 0.1  # one small request each time, so that the watching costs those who are measured next to nothing


@dataclass(frozen=True)
class Post:
    """One post of a run: the key it arrives under, and its instant in unix seconds."""

    key: str
    due: float


class Ledger:
    """One receiver's."""

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
        """The instants, in unix seconds, at which each of these keys arrived."""
        found: dict[str, list[float]] = defaultdict(list)
        for key, at_ns in self._session.get(f"{self._url}/ledger", timeout=60).json():
            if key in keys:
                found[key].append(at_ns / 1e9)
        return dict(found)

    def wait_for(self, count: int, until: float, pause: Callable[[float], None]) -> bool:
        """Whether so many arrivals are there before the instant `until`."""
        while (present := self.count()) < count and time.time() < until:
            pause(POLL_SECONDS)
        return present >= count

    def close(self) -> None:
        self._session.close()
