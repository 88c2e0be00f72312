"""The rate limiter: flask-limiter with counts in our own database, by our own clock.

Imported at the first limited request: it costs a cold start 20 ms, and no machine's route needs it.

Invariant: flask-limiter adds no hook to the app. A route without a limit of ours takes no step of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask, g
from flask_limiter import Limiter, RateLimitExceeded
from limits.storage import Storage

from app.rate_limits import CallCounter, Window
from app.settings.readers import Rate

__all__ = ["Checks", "RateLimitExceeded"]

SCHEME = "punctual"


class SqlStorage(Storage):
    """The counts of `limits` in our database. The window of a hit stays in `g.rate_window` for the headers."""

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012

    def __init__(self, uri: str | None = None, *, counter: Any = None, **options: Any) -> None:
        super().__init__(uri, **options)
        self._counter: CallCounter = counter

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return (Exception,)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a call. Returns 0 where the database did not answer, so the call passes."""
        window: Window | None = self._counter.count(key, timedelta(seconds=expiry), amount)
        g.rate_window = window
        return window.hits if window is not None else 0

    def get(self, key: str) -> int:
        window = self._counter.read(key)
        return window.hits if window is not None else 0

    def get_expiry(self, key: str) -> float:
        window = self._counter.read(key)
        return window.ends_at.timestamp() if window is not None else 0.0

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        self._counter.clear(None)
        return None

    def clear(self, key: str) -> None:
        self._counter.clear(key)


class Checks:
    """The limits by name. flask-limiter is set up on an app of its own, which keeps its hooks away from ours."""

    def __init__(self, counter: CallCounter, limits: dict[str, Rate], caller: Callable[[], str]) -> None:
        options: dict[str, Any] = {"counter": counter}
        self._limiter = Limiter(caller, storage_uri=f"{SCHEME}://", storage_options=options)
        self._limiter.init_app(Flask("punctual_limits", static_folder=None))
        self._checks = {name: _check(self._limiter, name, limit) for name, limit in limits.items()}

    def count(self, name: str) -> None:
        """Count the current request.

        Raises: RateLimitExceeded above the limit.
        """
        self._checks[name]()


def _check(limiter: Limiter, name: str, limit: Rate) -> Callable[[], None]:
    def check() -> None:
        pass

    check.__qualname__ = f"check.{name}"  # flask-limiter finds the limits of a function by its name
    return limiter.shared_limit(f"{limit.amount} per {limit.seconds} second", scope=name)(check)
