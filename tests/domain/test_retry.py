"""The delay before a retry."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.retry import RetryPolicy, parse_retry_after

NOW = datetime(2026, 12, 1, 8, 0, 0, tzinfo=UTC)
MIDDLE = 0.5  # the random number that is no jitter
DEFAULT = RetryPolicy(max_retries=3, base_seconds=120)


@pytest.mark.parametrize(("failed_before", "minutes"), [(0, 2), (1, 4), (2, 8)])
def test_default_retries_wait_2_4_and_8_minutes(failed_before: int, minutes: int):
    assert DEFAULT.delay(failed_before, MIDDLE) == timedelta(minutes=minutes)


@pytest.mark.parametrize("failed_before", [2, 3, 4, 50])
def test_delay_past_the_budget_equals_the_last_delay(failed_before: int):
    assert DEFAULT.delay(failed_before, MIDDLE) == timedelta(minutes=8)
    assert RetryPolicy(0, 120).delay(failed_before, MIDDLE) == timedelta(minutes=2)


def test_jitter_is_ten_percent_either_way():
    assert DEFAULT.delay(0, 0.0) == timedelta(seconds=108)
    assert DEFAULT.delay(0, 0.25) == timedelta(seconds=114)
    assert DEFAULT.delay(0, 0.75) == timedelta(seconds=126)
    assert timedelta(seconds=131.99) < DEFAULT.delay(0, 1 - 1e-9) <= timedelta(seconds=132)


def test_delay_is_at_most_six_hours_plus_jitter():
    assert RetryPolicy(50, 120).delay(7, MIDDLE) == timedelta(seconds=120 * 2**7)
    assert RetryPolicy(50, 120).delay(8, MIDDLE) == timedelta(hours=6)
    assert RetryPolicy(999_999, 1e9).delay(999_998, MIDDLE) == timedelta(hours=6)
    assert RetryPolicy(999_999, 1e-9).delay(999_998, MIDDLE) == timedelta(seconds=1e-9 * 2**30)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [(0.0, 120), (119.0, 120), (120.0, 120), (121.0, 121), (3600.0, 3600), (3600.5, 3600), (1e12, 3600), (None, 120)],
)
def test_retry_after_extends_the_delay_to_at_most_an_hour(retry_after: float | None, seconds: float):
    assert DEFAULT.delay(0, MIDDLE, retry_after) == timedelta(seconds=seconds)


def test_jitter_never_undercuts_retry_after():
    assert DEFAULT.delay(0, 0.0, retry_after=120) == timedelta(seconds=120)


policies = st.builds(RetryPolicy, st.integers(0, 999_999), st.floats(1e-3, 999_999_999))
chances = st.floats(0, 1, exclude_max=True)
waits = st.none() | st.floats(0, 1e15)


@given(policies, st.integers(0, 1_000_000), chances, waits)
def test_every_delay_is_within_its_bounds(policy: RetryPolicy, failed: int, random: float, wait: float | None):
    delay = policy.delay(failed, random, wait).total_seconds()
    first = min(policy.base_seconds, 6 * 3600)
    assert 0.9 * first - 1e-6 <= delay <= 1.1 * 6 * 3600 + 1e-6
    if wait is not None:
        assert delay >= min(wait, 3600) - 1e-6


@given(policies, st.integers(0, 1_000_000), chances, waits)
def test_a_later_retry_never_waits_less(policy: RetryPolicy, failed: int, random: float, wait: float | None):
    assert policy.delay(failed, random, wait) <= policy.delay(failed + 1, random, wait)


@given(policies, st.integers(0, 100), chances, chances)
def test_larger_random_never_waits_less(policy: RetryPolicy, failed: int, one: float, other: float):
    low, high = sorted((one, other))
    assert policy.delay(failed, low) <= policy.delay(failed, high)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("007", 7.0),
        ("999999999", 999_999_999.0),
        ("9999999999", 999_999_999.0),
        pytest.param("9" * 10_000, 999_999_999.0, id="ten thousand digits"),
        ("Tue, 01 Dec 2026 08:02:00 GMT", 120.0),
        ("Tue, 01 Dec 2026 09:02:00 +0100", 120.0),
        ("Tue, 01 Dec 2026 08:02:00 -0000", 120.0),
        ("Tuesday, 01-Dec-26 08:02:00 GMT", 120.0),
        ("Tue Dec  1 08:02:00 2026", 120.0),
        ("Tue, 01 Dec 2026 08:00:00 GMT", 0.0),
        ("Tue, 01 Dec 2026 07:59:59 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float):
    assert parse_retry_after(header, NOW) == seconds


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the machine's time zone to Tokyo."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("zone", ["GMT", "-0000", ""])
def test_retry_after_date_is_utc_in_any_machine_zone(zone: str):
    assert parse_retry_after(f"Tue, 01 Dec 2026 08:02:00 {zone}", NOW) == 120


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        "-1",
        "1.5",
        "1e3",
        "+5",
        "١٢",
        "²",
        "soon",
        "2026-12-01T08:02:00Z",
        "Tue, 32 Dec 2026 08:02:00 GMT",
        "Tue, 01 Dec 99999 08:02:00 GMT",
        "Tue, 01 Dec 2026 08:02:00 +9999",
        "Tue, 01 Dec 2026 08:02:00 +999999999999999999999",
        "-Dec- 08:02:00 GMT",
        ",",
    ],
)
def test_unreadable_retry_after_is_none(header: str | None):
    assert parse_retry_after(header, NOW) is None


DAYS = ["Tue,", "Tue", "01", "31", "Dec", "dec", "-", ":", ",", "2026", "0001", "9999", "26", "01-Dec-26", "-Dec-"]
TIMES = ["08:02:00", "08.02", "8:2", "GMT", "+2359", "-2359", "+0000", "-0000", "+", "9" * 30, "１２", "\0", "é"]
pieces = st.sampled_from([*DAYS, *TIMES])
dates = st.lists(pieces, max_size=7).map(" ".join)


@given(st.text() | dates | st.lists(pieces, max_size=7).map("".join))
def test_parse_retry_after_accepts_any_text(header: str):
    seconds = parse_retry_after(header, NOW)
    assert seconds is None or 0 <= seconds < 1e12
    if seconds is not None:
        assert DEFAULT.delay(0, MIDDLE, seconds) <= timedelta(hours=1)
