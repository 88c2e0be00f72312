"""The automatic lead of alarms."""

import pytest

from app.domain.lead import FEWEST, lead_for

BOUNDS = (1.0, 15.0)


@pytest.mark.parametrize("late_ms", [[], [9_000.0] * (FEWEST - 1)])
def test_lead_is_the_lower_bound_before_enough_alarms(late_ms: list[float]):
    assert lead_for(late_ms, BOUNDS) == 1.0


def test_lead_is_the_99th_percentile_and_a_margin():
    late_ms = [float(number) * 10 for number in range(1, 1001)]
    assert lead_for(late_ms, BOUNDS) == 9.9 + 0.25
    assert lead_for(late_ms[::-1], BOUNDS) == 9.9 + 0.25


def test_one_late_alarm_of_a_hundred_does_not_count_and_two_do():
    assert lead_for([100.0] * 99 + [8_000.0], BOUNDS) == 1.0
    assert lead_for([100.0] * 98 + [8_000.0] * 2, BOUNDS) == 8.25


@pytest.mark.parametrize(("late_ms", "lead"), [(0.0, 1.0), (740.0, 1.0), (760.0, 1.01), (14_800.0, 15.0), (9e9, 15.0)])
def test_lead_stays_within_its_bounds(late_ms: float, lead: float):
    assert lead_for([late_ms] * 100, BOUNDS) == lead
