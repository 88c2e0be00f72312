from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.adapters.clock import SystemClock


def test_now_is_aware_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_it_never_returns_early_and_wakes_within_a_millisecond() -> None:
    clock = SystemClock()
    overshoots = []
    for _ in range(20):
        instant = datetime.now(UTC) + timedelta(milliseconds=10)
        clock.sleep_until(instant)
        overshoots.append(datetime.now(UTC) - instant)
    assert min(overshoots) >= timedelta(0)
    assert sorted(overshoots)[5] < timedelta(milliseconds=1)


def test_an_instant_that_has_passed_returns_at_once() -> None:
    SystemClock().sleep_until(datetime.now(UTC) - timedelta(days=1))


class ScriptedClock(SystemClock):
    def __init__(self, readings: Iterator[datetime]) -> None:
        self.readings = readings

    def now(self) -> datetime:
        return next(self.readings)


def test_a_clock_that_is_stepped_back_means_sleeping_on(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    readings = [0.0, 0.25, -60.0, -59.75, 1.0]  # NTP took a minute back, then gave it again
    slept: list[float] = []
    monkeypatch.setattr("app.adapters.clock.time.sleep", slept.append)
    ScriptedClock(start + timedelta(seconds=r) for r in readings).sleep_until(start + timedelta(seconds=1))
    assert slept == [0.25] * 4


def test_a_clock_that_is_stepped_forward_is_noticed_within_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    slept: list[float] = []
    monkeypatch.setattr("app.adapters.clock.time.sleep", slept.append)
    ScriptedClock(start + timedelta(seconds=r) for r in (0.0, 3600.0)).sleep_until(start + timedelta(seconds=30))
    assert slept == [0.25]


def test_a_sleep_that_ends_early_is_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.sleep
    monkeypatch.setattr("app.adapters.clock.time.sleep", lambda seconds: real(seconds / 3))
    instant = datetime.now(UTC) + timedelta(milliseconds=30)
    SystemClock().sleep_until(instant)
    assert datetime.now(UTC) >= instant
