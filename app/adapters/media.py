"""Check media URLs with HEAD requests, within a time limit. A GET for one byte confirms each fault.

Invariant: the body of an answer is not read, however long it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.adapters.media_requests import GONE, MediaRequests, NotPublic
from app.adapters.pinned_address import Resolve, resolve
from app.domain.ports import MediaVerdict

MAX_THREADS = 40  # per process
FAULTS = frozenset({"gone", "not_public"})
ONE_BYTE = {"Range": "bytes=0-0"}


class HttpMediaCheck(MediaRequests):
    """An implementation of ports.MediaCheck."""

    def __init__(self, *, allow_loopback: bool = False, resolve: Resolve = resolve) -> None:
        super().__init__(MAX_THREADS, allow_loopback=allow_loopback, resolve=resolve)

    def look(self, urls: Sequence[str], seconds: float) -> list[MediaVerdict]:
        """Return one verdict per URL, in order, within `seconds`. A URL without an answer in time is `unknown`."""
        return self.for_each(urls, seconds, self._check, "unknown")

    def _check(self, url: str, deadline: float) -> MediaVerdict:
        """Check one URL. A fault found by HEAD is confirmed by a GET from the first URL.

        Platforms use GET. Some hosts answer HEAD with 404, or redirect it to an error page, for a file they serve.
        """
        try:
            verdict = self._ask("HEAD", url, deadline)
            return self._ask("GET", url, deadline) if verdict in FAULTS else verdict
        except Exception:  # a broken name, server or URL: the platform's own error will say more
            return "unknown"

    def _ask(self, method: str, url: str, deadline: float) -> MediaVerdict:
        headers = ONE_BYTE if method == "GET" else {}
        try:
            status = self.follow(method, url, headers, deadline, lambda response: response.status_code)
        except NotPublic:
            return "not_public"
        return "gone" if status in GONE else "fine" if 200 <= status < 300 else "unknown"
