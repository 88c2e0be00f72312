"""The processes share one window by what they want."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from app.domain.shares import LASTS, TURN, Holder, Share, fair_parts, merged_size, possible_part
from app.domain.window import FLOOR, START, Window

NOW = datetime(2030, 1, 7, 12, 0, tzinfo=UTC)


def holder(wanted: int, held: int = 0, in_flight: int = 0) -> Holder:
    return Holder(wanted, held, in_flight, NOW + LASTS)


def parts(size: int, *wanted: int) -> list[int]:
    found = fair_parts(size, {str(number): holder(wish) for number, wish in enumerate(wanted)}, NOW)
    return [found[str(number)] for number in range(len(wanted))]


@pytest.mark.parametrize(
    ("size", "wanted", "expected"),
    [
        (8, [0], [8]),
        (8, [100], [8]),
        (8, [100, 100], [4, 4]),
        (8, [1, 100], [1, 7]),
        (8, [1, 1], [4, 4]),
        (8, [2, 100, 100], [2, 3, 3]),
        (2, [0, 0, 5], [0, 0, 2]),
    ],
)
def test_small_wishes_are_met_first_and_the_rest_is_divided(size: int, wanted: list[int], expected: list[int]):
    assert parts(size, *wanted) == expected


def test_parts_are_the_whole_window_for_any_wishes():
    for size, *wanted in product(range(1, 7), range(4), range(4), range(4)):
        assert sum(parts(size, *wanted)) == size


def test_one_place_goes_round_between_processes_that_want_it():
    found = fair_parts(1, {"a": holder(5, held=1), "b": holder(5)}, NOW)
    assert found == {"a": 0, "b": 1}
    waiting = {name: holder(5) for name in "abcd"}
    turns = [fair_parts(1, waiting, NOW + number * TURN) for number in range(40)]
    assert {name for parts in turns for name, part in parts.items() if part} == set("abcd")


def test_part_of_a_fixed_window_is_at_most_what_the_others_do_not_hold():
    window = Window(8)
    assert possible_part(window, 4, {"b": holder(9, held=8)}) == 0
    assert possible_part(window, 4, {"b": holder(9, held=6)}) == 2
    assert possible_part(window, 4, {"b": holder(9, held=2), "c": holder(1, held=1)}) == 4
    assert possible_part(window, 4, {"b": holder(9, held=9)}) == 0


def test_part_of_a_learned_window_is_never_nothing():
    assert possible_part(Window(), 0, {"b": holder(9, held=99)}) == 1


def test_share_of_a_fixed_window_ends_and_one_of_a_learned_window_follows_it():
    share = Share(4, 8, NOW + LASTS)
    assert (share.limit(Window(8), NOW), share.limit(Window(8), NOW + LASTS)) == (4, 0)
    learned = Window()
    assert Share(START // 2, START, NOW).limit(learned, NOW + LASTS) == START // 2
    learned.size = FLOOR
    assert Share(START // 2, START, NOW).limit(learned, NOW) == FLOOR // 2
    assert Share(0, START, NOW).limit(learned, NOW) == 1


@pytest.mark.parametrize(
    ("stored", "base", "learned", "expected"),
    [(32, 32, 40, 40), (36, 32, 40, 44), (32, 32, 16, 16), (16, 32, 16, 16), (16, 32, 40, 16), (40, 32, 16, 16)],
    ids=["grown", "both grown", "shrunk", "both shrunk", "the other shrunk", "the other grew"],
)
def test_growth_adds_up_and_the_deeper_decrease_counts(stored: float, base: float, learned: float, expected: float):
    assert merged_size(stored, base, learned) == expected


@pytest.mark.parametrize(("seconds", "live"), [(0.001, True), (0.0, False), (-5, False), (10, True), (3600, False)])
def test_holder_is_live_until_its_end_unless_a_wrong_clock_wrote_it(seconds: float, live: bool):
    assert Holder(1, 1, 1, NOW + timedelta(seconds=seconds)).is_live(NOW) is live
