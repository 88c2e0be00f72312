"""The window: how many sends may be in flight to n8n.

It is learned from n8n's answers, as TCP learns its congestion window.

Invariant: it stays within its bounds, grows by about one per window of quick answers, and is halved at most once for
the sends of one window.
"""

from __future__ import annotations

from datetime import datetime, timedelta

FLOOR, START, CEILING = 8, 32, 512
SLOW_FACTOR = 4.0  # answers are slow from this multiple of the best ones on,
SLACK_SECONDS = 0.25  # and from this much above them on, so that a busy processor is no slow n8n
SMOOTHING = 1 / 8  # the weight of one answer in the smoothed time, as in TCP's
BEST_LASTS = timedelta(minutes=5)  # then the best time is found again, because a workflow may grow
REST = timedelta(minutes=5)  # without an answer: what was learned is old, so the window grows quickly again


class Window:
    """The number of sends in flight that n8n can take. With `fixed` it learns nothing.

    `size` grows with each quick answer until the first decrease, as in TCP's slow start, then by one per window.
    """

    def __init__(self, fixed: int | None = None) -> None:
        self.fixed = fixed
        self.size = float(fixed or START)
        self.smoothed_seconds: float | None = None
        self._has_shrunk = False
        self._answered_at: datetime | None = None
        self._shrunk_at: datetime | None = None
        self._best: tuple[float | None, float | None] = (None, None)  # of this period and of the one before
        self._period_began: datetime | None = None

    @property
    def best_seconds(self) -> float | None:
        """The shortest answer time of the last minutes, None without an answer."""
        return min((seconds for seconds in self._best if seconds is not None), default=None)

    @property
    def limit(self) -> int:
        """The size in whole sends."""
        return int(self.size)

    def answered(self, sent_at: datetime, now: datetime, *, is_full: bool) -> None:
        """Count one answer in time. The window grows only while it is full, because unused room proves nothing."""
        if self._is_of_an_earlier_window(sent_at):
            return
        if self._answered_at is not None and abs(now - self._answered_at) >= REST:
            self._has_shrunk = False
        self._answered_at = now
        seconds = max((now - sent_at).total_seconds(), 0.0)
        self._keep_best(seconds, now)
        former = self.smoothed_seconds
        self.smoothed_seconds = seconds if former is None else former + SMOOTHING * (seconds - former)
        if self._is_slow(self.smoothed_seconds):
            self._shrink(now)
        elif is_full and not self._is_slow(seconds):
            self._grow()

    def overloaded(self, sent_at: datetime, now: datetime) -> None:
        """Count a time-out, or an answer of a server that has too much to do."""
        if not self._is_of_an_earlier_window(sent_at):
            self._shrink(now)

    def _is_of_an_earlier_window(self, sent_at: datetime) -> bool:
        """Return True for a send from before the last decrease: it tells of the window before."""
        return self._shrunk_at is not None and sent_at < self._shrunk_at

    def _is_slow(self, seconds: float) -> bool:
        best = self.best_seconds
        return best is not None and seconds > max(SLOW_FACTOR * best, best + SLACK_SECONDS)

    def _grow(self) -> None:
        if self.fixed is None:
            self.size = min(self.size + (1 / self.size if self._has_shrunk else 1), CEILING)

    def _shrink(self, now: datetime) -> None:
        self._has_shrunk, self._shrunk_at, self.smoothed_seconds = True, now, None
        self._answered_at = now
        if self.fixed is None:
            self.size = max(self.size / 2, FLOOR)

    def _keep_best(self, seconds: float, now: datetime) -> None:
        if self._period_began is None or abs(now - self._period_began) >= BEST_LASTS:
            self._best, self._period_began = (None, self._best[0]), now
        best = self._best[0]
        self._best = (seconds if best is None else min(best, seconds), self._best[1])
