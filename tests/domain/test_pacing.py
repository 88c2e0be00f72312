"""The next instant that keeps an account's pace."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.explanations import SENTENCES
from app.domain.pacing import MARGIN, WINDOW, Pace, next_turn, pace_of
from app.store.schema.tables import PACED
from tests.support.fakes import START

MINUTE = timedelta(minutes=1)
SPACED = Pace(MINUTE, None)


def at(*minutes: float) -> list[datetime]:
    return [START + minute * MINUTE for minute in minutes]


def minute(start: float, waiting: list[float], sent: list[float], pace: Pace) -> tuple[float, str]:
    instant, code = next_turn(START + start * MINUTE, at(*waiting), at(*sent), pace)
    return (instant - START) / MINUTE, code


def test_without_settings_there_is_no_pace():
    assert pace_of(None, None) is None
    assert pace_of(60.0, None) == Pace(MINUTE + MARGIN, None)
    assert pace_of(None, 5) == Pace(timedelta(0), 5)


@pytest.mark.parametrize(
    ("start", "waiting", "found"),
    [
        (0, [], 0),
        (0, [1], 0),
        (0, [0.5], 1.5),
        (0, [0, 1, 2], 3),
        (0, [2, 0, 1], 3),
        (0, [0, 2], 1),
        (0, [0, 1.5], 2.5),
        (5, [4, 3], 5),
        (5, [4.5], 5.5),
    ],
)
def test_turn_keeps_the_spacing_to_other_turns(start: float, waiting: list[float], found: float):
    assert minute(start, waiting, [], SPACED)[0] == found


def test_reached_cap_defers_until_the_oldest_turn_leaves_the_window():
    day = WINDOW / MINUTE
    assert minute(10, [], [0, 5], Pace(timedelta(0), 3)) == (10, "spaced")
    assert minute(10, [], [0, 5], Pace(timedelta(0), 2)) == (day, "daily_cap")
    assert minute(10, [], [0, 5], Pace(timedelta(0), 1)) == (day + 5, "daily_cap")
    assert minute(10, [day], [0, 5], Pace(timedelta(0), 2)) == (day + 5, "daily_cap")
    assert minute(day, [], [0, 5], Pace(timedelta(0), 2)) == (day, "spaced")


def test_cap_and_spacing_hold_together():
    day = WINDOW / MINUTE
    assert minute(10, [day], [0, 5], Pace(10 * MINUTE, 2)) == (day + 10, "spaced")


INSTANTS = st.lists(st.integers(0, 3_000).map(lambda minutes: START + minutes * MINUTE), max_size=12)


@given(INSTANTS, INSTANTS, st.integers(0, 3_000), st.integers(0, 90), st.integers(1, 5) | st.none())
def test_next_turn_keeps_spacing_and_cap_for_any_turns(
    waiting: list[datetime], sent: list[datetime], start: int, spacing: int, cap: int | None
):
    pace = Pace(spacing * MINUTE, cap)
    turn, _ = next_turn(START + start * MINUTE, waiting, sent, pace)
    assert turn >= START + start * MINUTE
    assert all(abs(turn - other) >= pace.spacing for other in waiting)
    if cap is not None:
        assert sum(turn - WINDOW < other <= turn for other in [*waiting, *sent]) < cap


def test_pacing_codes_have_explanations_and_are_in_the_index():
    assert {"spaced", "daily_cap"} <= set(SENTENCES)
    assert "'spaced'" in PACED
    assert "'daily_cap'" in PACED
