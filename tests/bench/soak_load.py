"""The load of a soak: posts a few seconds ahead, and reads of lists, posts and the status route, at fixed rates."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

AHEAD = timedelta(seconds=6)
READERS, AUTHORS = 8, 4  # threads
TIMEOUT_SECONDS = 30.0


class Load:
    """Callers in threads. `errors` counts the failed calls by what came back, `reads` has milliseconds."""

    def __init__(self, url: str, token: str, posts_per_second: float, reads_per_second: float) -> None:
        self.url, self._headers = url, {"Authorization": f"Bearer {token}"}
        self._rates = (posts_per_second, reads_per_second)
        self.posts: list[str] = []
        self.reads: list[float] = []
        self.errors: Counter[str] = Counter()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._local = threading.local()

    def connect(self) -> None:
        body = {"platform": "linkedin", "externalId": "urn:li:person:soak", "accountName": "Soak", "accessToken": "t"}
        self._call("POST", "/api/social-accounts", body)

    def start(self) -> None:
        posts, reads = self._rates
        callers = [(self._post, posts / AUTHORS)] * AUTHORS + [(self._read, reads / READERS)] * READERS
        for call, rate in callers:
            thread = threading.Thread(target=self._repeat, args=(call, 1 / rate), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_SECONDS)

    def wait_for_reports(self, published: Callable[[], int], seconds: float) -> int:
        """Return the number of posts that are not published after this time."""
        deadline = time.monotonic() + seconds
        while (left := len(self.posts) - published()) and time.monotonic() < deadline:
            time.sleep(1.0)
        return left

    def _repeat(self, call: Callable[[int], None], period: float) -> None:
        began = time.monotonic()
        for number in itertools.count():
            wait = began + number * period - time.monotonic()
            if self._stop.wait(max(0.0, wait)):
                return
            call(number)

    def _post(self, number: int) -> None:
        at = datetime.now(UTC) + AHEAD
        text = f"Soak {number} {time.time_ns()}"  # the networks refuse a text twice
        body = {"content": text, "platform": "linkedin", "scheduledAt": at.isoformat()}
        answer = self._call("POST", "/api/posts", body)
        if answer:
            self.posts.append(answer["id"])

    def _read(self, number: int) -> None:
        known = self.posts[-1] if self.posts else None
        paths = ["/api/posts?limit=20", "/api/posts?status=scheduled&limit=20", "/api/scheduler/status"]
        paths += [f"/api/posts/{known}", f"/api/posts/{known}/timeline"] if known else []
        began = time.perf_counter()
        self._call("GET", paths[number % len(paths)])
        self.reads.append((time.perf_counter() - began) * 1000)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the app. Returns None after an error, which is counted."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        try:
            answer = self._local.session.request(
                method, self.url + path, json=body, headers=self._headers, timeout=TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            self.errors[type(error).__name__] += 1
            return None
        if answer.status_code >= 400:
            self.errors[f"{answer.status_code} {answer.json().get('code')}"] += 1
            return None
        return answer.json()
