"""What an instance of the app has of its host: a clock that may be wrong, and a vault."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.simulation.kernel import SECOND, Kernel

MAX_SLEEP = 60 * SECOND  # µs between two looks at a clock that may be set meanwhile


class Clock:
    """ports.Clock of one instance: true time plus an error in µs, larger while the clock is put ahead or back."""

    def __init__(self, kernel: Kernel, offset: int, awake: Callable[[str], None]) -> None:
        self._kernel = kernel
        self.offset = offset
        self._awake = awake
        self.ahead = 0
        self.most_ahead = 0

    def now(self) -> datetime:
        return self._kernel.instant(self.offset + self.ahead)

    def sleep_until(self, instant: datetime) -> None:
        while (left := (instant - self.now()) // timedelta(microseconds=1)) > 0:
            self._kernel.pause_until(self._kernel.now + min(left, MAX_SLEEP))
        self._awake("awake")


class Vault:
    """ports.Vault that seals with a readable prefix."""

    def __init__(self, inject: Callable[[str], bool]) -> None:
        self._strikes = inject

    def encrypt(self, secret: str, field: str) -> str:
        return f"sealed {field} {secret}"

    def is_current(self, stored: str, field: str) -> bool:
        return bool(self.decrypt(stored, field))

    def decrypt(self, stored: str, field: str) -> str:
        if self._strikes("token_unreadable"):
            raise ValueError("simulated: no key opens this")
        sealed, of, secret = stored.split(" ", 2)
        if (sealed, of) != ("sealed", field):
            raise ValueError("this secret is of another field")
        return secret
