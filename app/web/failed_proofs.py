"""Failed proofs of a client address: wrong secrets, forged tokens and signatures.

A proof is always checked first, because many clients share an address: a proxy, an office, QStash. A valid proof passes
from every address. Only the failures are limited: above RATE_LIMIT_FAILED_PROOFS they are answered 429 and not logged.

Invariant: a failure costs no write, and the counts of any number of addresses take bounded memory.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast

from flask import current_app
from werkzeug.wrappers import Response

from app.deps import Deps
from app.log import emit
from app.web.client_address import client_address
from app.web.problems import problem

FAILED_PROOFS = "punctual_failed_proofs"  # the key of the app's FailedProofs among its extensions
NAME = "failed-proofs"  # of the limit in its headers
MAX_ADDRESSES = 10_000  # counted at a time in one process. The oldest window makes room


class FailedProofs:
    """Counts failures by address in fixed windows, one object for each process."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._limit = deps.settings.rate_limit_failed_proofs
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, datetime]] = {}

    def count(self, address: str) -> tuple[int, float]:
        """Count a failure. Return the failures of the address in its window, and the seconds left of it."""
        now = self._deps.clock.now()
        length = timedelta(seconds=self._limit.seconds)
        with self._lock:
            failures, ends_at = self._windows.get(address, (0, now))
            if not now < ends_at <= now + length:
                self._windows.pop(address, None)  # a new window goes to the end of the dictionary
                failures, ends_at = 0, now + length
                if len(self._windows) >= MAX_ADDRESSES:
                    del self._windows[next(iter(self._windows))]
            self._windows[address] = (failures + 1, ends_at)
        return failures + 1, (ends_at - now).total_seconds()

    def refusal(self, log: Callable[[], None], *, forged: bool) -> Response | None:
        """Count a failed proof, and call `log` up to the limit. Returns the answer 429 above it, None below it.

        A missing or expired proof is no attack: it is never answered 429, so that its client learns to sign in again.
        """
        if not self._deps.settings.rate_limits:
            log()
            return None
        address = client_address()
        failures, seconds = self.count(address)
        if failures <= self._limit.amount:
            log()
            return None
        if failures == self._limit.amount + 1:
            emit("proofs.limited", address=address, failures=self._limit.amount, seconds=self._limit.seconds)
        return self._too_many(max(1, math.ceil(seconds))) if forged else None

    def _too_many(self, seconds: int) -> Response:
        detail = f"Too many calls with wrong credentials came from this address. Try again in {seconds} seconds."
        policy = f'"{NAME}";q={self._limit.amount};w={self._limit.seconds}'
        left = f'"{NAME}";r=0;t={seconds}'
        return problem(429, "rate_limited", detail, Retry_After=str(seconds), RateLimit_Policy=policy, RateLimit=left)


def failed_proofs() -> FailedProofs:
    return cast(FailedProofs, current_app.extensions[FAILED_PROOFS])
