"""Tests of SystemClock: it never wakes early, and it notices a stepped clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.adapters.clock import SystemClock


def test_now_is_aware_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_sleep_until_is_never_early() -> None:
    clock = SystemClock()
    for _ in range(20):
        instant = datetime.now(UTC) + timedelta(milliseconds=10)
        clock.sleep_until(instant)
        assert datetime.now(UTC) >= instant


def test_sleep_until_a_past_instant_returns_immediately() -> None:
    SystemClock().sleep_until(datetime.now(UTC) - timedelta(days=1))


class ScriptedClock(SystemClock):
    def __init__(self, readings: Iterator[datetime]) -> None:
        self.readings = readings

    def now(self) -> datetime:
        return next(self.readings)


def test_each_sleep_is_at_most_the_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    readings = [0.0, 0.25, 0.5, 0.7499, 0.75]
    slept: list[float] = []
    monkeypatch.setattr("app.adapters.clock.time.sleep", slept.append)
    ScriptedClock(start + timedelta(seconds=r) for r in readings).sleep_until(start + timedelta(seconds=0.75))
    assert slept == pytest.approx([0.25, 0.25, 0.25, 0.0001])


def test_sleep_continues_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    readings = [0.0, 0.25, -60.0, -59.75, 1.0]  # NTP steps back a minute, then forward again
    slept: list[float] = []
    monkeypatch.setattr("app.adapters.clock.time.sleep", slept.append)
    ScriptedClock(start + timedelta(seconds=r) for r in readings).sleep_until(start + timedelta(seconds=1))
    assert slept == [0.25] * 4


def test_sleep_ends_within_a_slice_when_the_clock_steps_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    slept: list[float] = []
    monkeypatch.setattr("app.adapters.clock.time.sleep", slept.append)
    ScriptedClock(start + timedelta(seconds=r) for r in (0.0, 3600.0)).sleep_until(start + timedelta(seconds=30))
    assert slept == [0.25]


def test_sleep_continues_when_time_sleep_returns_early(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.sleep
    monkeypatch.setattr("app.adapters.clock.time.sleep", lambda seconds: real(seconds / 3))
    instant = datetime.now(UTC) + timedelta(milliseconds=30)
    SystemClock().sleep_until(instant)
    assert datetime.now(UTC) >= instant
