"""Lateness in milliseconds."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.lateness import lateness_ms

DUE = datetime(2030, 1, 7, 12, tzinfo=UTC)


@pytest.mark.parametrize(("microseconds", "expected"), [(0, 0.0), (1, 0.001), (1_234, 1.234), (-1, -0.001)])
def test_lateness_is_exact_to_the_microsecond(microseconds: int, expected: float):
    assert lateness_ms(DUE, DUE + timedelta(microseconds=microseconds)) == expected


def test_lateness_counts_whole_days():
    assert lateness_ms(DUE, DUE + timedelta(days=1)) == 86_400_000.0
