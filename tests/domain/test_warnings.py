"""When an author is warned of a neighbour: same text within a day, another post within a minute."""

from datetime import timedelta

import pytest

from app.domain.lifecycle import Status
from app.domain.warnings import NearbyPost, normalised, schedule_warnings
from tests.support.fakes import START

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)


def other(after: timedelta, content: str = "Other", name: str = "p1", status: Status = Status.SCHEDULED) -> NearbyPost:
    return NearbyPost(name, status, START + after, content)


def codes(*others: NearbyPost) -> list[str]:
    return [code for code, _ in schedule_warnings(START, "Hello", others)]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Hello  world", "hello\n\tworld "),
        ("Caf\u00e9", "CAFE\u0301"),
        ("Stra\u00dfe", "STRASSE"),
        ("\u0390", "\u1fd3"),
        ("a\u00a0b", "a b"),
    ],
    ids=["space and case", "composed or not", "sharp s", "a fold that takes apart", "hard space"],
)
def test_texts_that_a_reader_takes_for_the_same_are_the_same(one: str, two: str):
    assert normalised(one) == normalised(two)


@pytest.mark.parametrize(("one", "two"), [("Hello", "Hello!"), ("ab", "a b"), ("e", "é")])
def test_texts_that_differ_in_a_letter_or_a_mark_are_not(one: str, two: str):
    assert normalised(one) != normalised(two)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_same_text_is_told_of_to_the_end_of_a_day_before_and_after(sign: int):
    assert codes(other(sign * DAY, "HELLO ")) == ["duplicate_text"]
    assert codes(other(sign * (DAY + INSTANT), "Hello")) == []
    assert codes(other(sign * DAY, "Goodbye")) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_another_post_is_told_of_within_a_minute_and_not_at_a_minute(sign: int):
    assert codes(other(sign * (MINUTE - INSTANT))) == ["crowded_minute"]
    assert codes(other(sign * MINUTE)) == []


def test_both_may_be_told_of_one_post():
    assert codes(other(timedelta(0), "hello")) == ["duplicate_text", "crowded_minute"]


def test_the_nearest_is_named_with_its_instant_and_id():
    far, near = other(DAY / 2, "hello", "far"), other(-2 * MINUTE, "hello", "near", Status.PUBLISHED)
    ((_, told),) = schedule_warnings(START, "Hello", [far, near])
    assert told == "The same text went to this account at 2030-01-07T11:58:00.000Z (post near)."
    ((_, told),) = schedule_warnings(START, "Hello", [other(MINUTE / 2, name="b"), other(MINUTE / 3, name="a")])
    assert told == "Another post of this account has the same minute, 2030-01-07T12:00:20.000Z (post a)."
