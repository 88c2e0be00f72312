"""The QStash stand-in's units without a process: retry delays, durations, cron instants, timers."""

import asyncio
import math
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.local.qstash import timers
from app.local.qstash.database import Database
from app.local.qstash.errors import ApiError
from app.local.qstash.flow_control import next_start
from app.local.qstash.headers import duration_seconds
from app.local.qstash.retry_delay import BadExpression, delay_ms
from app.local.qstash.schedules import next_instant


@pytest.mark.parametrize(
    ("expression", "retried", "expected"),
    [
        ("1000", 0, 1000),
        ("1000 * (1 + retried)", 2, 3000),
        ("pow(2, retried)", 3, 8),
        ("max(10, pow(2, retried))", 2, 10),
        ("min(pow(3, retried) * 1000, 300000)", 9, 300_000),
        ("abs(-5) + sqrt(16) + floor(1.9) + ceil(1.1) + round(2.6)", 0, 15),
        ("exp(0) - retried % 2", 3, 0),
        ("-100", 0, 0),
        ("1 / retried", 0, 0),
        ("sqrt(-1)", 0, 0),
        ("pow(10, 1000)", 0, math.inf),
        ("2 ** 5", 0, 32),
    ],
)
def test_a_retry_delay_is_evaluated_as_arithmetic(expression: str, retried: int, expected: float) -> None:
    assert delay_ms(expression, retried) == expected


def test_a_commit_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    async def setting() -> int:
        journal = Database(str(tmp_path / "qstash.sqlite"), "")
        [row] = await journal.read("PRAGMA synchronous")
        await journal.close()
        return int(row[0])

    assert asyncio.run(setting()) == 1  # NORMAL


NOT_ARITHMETIC = """
retry|retried.real|().__class__|open('x')|pow(2)|pow(x=1)|max()|True|'a'|[1]|1 if 1 else 2|lambda: 1|1 +|1j
""".strip().split("|")


@pytest.mark.parametrize("expression", [*NOT_ARITHMETIC, "", "(" * 250, "1+" * 200 + "1"])
def test_an_expression_other_than_arithmetic_is_refused(expression: str) -> None:
    with pytest.raises(BadExpression):
        delay_ms(expression, 0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("2m", 120), ("1d2h3m4s", 93_784), ("10", None), ("", None), ("1.5h", None)]
)
def test_a_duration_is_parsed_to_seconds_or_none(text: str, seconds: int | None) -> None:
    assert duration_seconds(text) == seconds


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("*/5 * * * *", "2026-12-01T08:00:00Z", "2026-12-01T08:05:00Z"),
        ("*/5 * * * *", "2026-12-01T08:04:59.900Z", "2026-12-01T08:05:00Z"),
        ("0 8 * * *", "2026-07-01T07:00:00Z", "2026-07-01T08:00:00Z"),
        ("CRON_TZ=Europe/Berlin 0 8 * * *", "2026-07-01T05:00:00Z", "2026-07-01T06:00:00Z"),
        ("CRON_TZ=Europe/Berlin 0 8 * * *", "2026-12-01T06:00:00Z", "2026-12-01T07:00:00Z"),
    ],
)
def test_the_next_cron_instant_is_after_the_given_one(cron: str, after: str, expected: str) -> None:
    assert next_instant(cron, instant(after)) == instant(expected)


@pytest.mark.parametrize(
    "cron", ["", "* * *", "61 * * * *", "CRON_TZ= 0 8 * * *", "CRON_TZ=../etc 0 8 * * *", "0 0 31 2 *"]
)
def test_a_bad_cron_expression_is_refused(cron: str) -> None:
    with pytest.raises(ApiError):
        next_instant(cron, instant("2026-12-01T08:00:00Z"))


def fire_times(offsets_ms: list[int], shift: float = 0.0, monkeypatch: pytest.MonkeyPatch | None = None) -> list[float]:
    """Return the instants of the timers, in ms after the start.

    The wall clock steps by `shift` seconds after 20 ms.
    """

    async def run() -> list[float]:
        loop, fired = asyncio.get_running_loop(), []
        started, under_test, done = time.monotonic(), timers.Timers(), asyncio.Event()

        def fire() -> None:
            fired.append((time.monotonic() - started) * 1000)
            if len(fired) == len(offsets_ms):
                done.set()

        base = timers.wall_ms()
        for number, offset in enumerate(offsets_ms):
            under_test.set(str(number), base + offset, fire)
        if monkeypatch:
            real, real_ns = time.time, time.time_ns
            loop.call_later(0.02, monkeypatch.setattr, time, "time", lambda: real() + shift)
            loop.call_later(0.02, monkeypatch.setattr, time, "time_ns", lambda: real_ns() + int(shift * 1e9))
        await asyncio.wait_for(done.wait(), 60)
        under_test.stop()
        return fired

    return asyncio.run(run())


def test_timers_fire_in_order_and_never_early() -> None:
    first, second, third = fire_times([120, 40, 80])
    assert first >= 39
    assert second >= 79
    assert third >= 119


def test_a_timer_waits_longer_after_a_backward_clock_step(monkeypatch: pytest.MonkeyPatch) -> None:
    [fired] = fire_times([100], -0.4, monkeypatch)
    assert fired >= 499


def test_a_timer_fires_soon_after_a_forward_clock_step(monkeypatch: pytest.MonkeyPatch) -> None:
    assert timers.MAX_SLEEP_SECONDS <= 1.0
    [fired] = fire_times([600_000], 3600, monkeypatch)
    assert fired < 600_000


def test_a_cleared_timer_never_fires_and_a_moved_one_fires_once() -> None:
    async def run() -> list[str]:
        under_test, fired, done = timers.Timers(), [], asyncio.Event()
        now = timers.wall_ms()
        under_test.set("cleared", now + 10, lambda: fired.append("cleared"))
        under_test.set("moved", now + 20, lambda: fired.append("too early"))
        under_test.clear("cleared")
        under_test.set("moved", now + 60, lambda: fired.append("moved"))
        under_test.set("last", now + 100, done.set)
        await asyncio.wait_for(done.wait(), 60)
        under_test.stop()
        return fired

    assert asyncio.run(run()) == ["moved"]


def test_a_rate_leaves_a_period_between_the_first_and_the_last_start_of_a_row() -> None:
    starts: deque[float] = deque(maxlen=2)
    for expected in (10.0, 10.0, 12.0, 12.0, 14.0):
        starts.append(next_start(starts, period=2, now=10.0))
        assert starts[-1] == expected
    assert next_start(starts, period=2, now=20.0) == 20.0
