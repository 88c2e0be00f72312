"""Warnings of nearby posts: the same text within a day, another post within a minute."""

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
def test_equal_looking_texts_are_equal_when_normalised(one: str, two: str):
    assert normalised(one) == normalised(two)


@pytest.mark.parametrize(("one", "two"), [("Hello", "Hello!"), ("ab", "a b"), ("e", "é")])
def test_texts_with_another_letter_or_mark_are_not_equal(one: str, two: str):
    assert normalised(one) != normalised(two)


@pytest.mark.parametrize("sign", [1, -1])
def test_same_text_within_a_day_is_a_warning(sign: int):
    assert codes(other(sign * DAY, "HELLO ")) == ["duplicate_text"]
    assert codes(other(sign * (DAY + INSTANT), "Hello")) == []
    assert codes(other(sign * DAY, "Goodbye")) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_another_post_is_a_warning_within_a_minute_but_not_at_a_minute(sign: int):
    assert codes(other(sign * (MINUTE - INSTANT))) == ["crowded_minute"]
    assert codes(other(sign * MINUTE)) == []


def test_one_post_can_cause_both_warnings():
    assert codes(other(timedelta(0), "hello")) == ["duplicate_text", "crowded_minute"]


def test_warning_names_the_nearest_post():
    far, near = other(DAY / 2, "hello", "far"), other(-2 * MINUTE, "hello", "near", Status.PUBLISHED)
    ((_, message),) = schedule_warnings(START, "Hello", [far, near])
    assert message == "The same text went to this account at 2030-01-07T11:58:00.000Z (post near)."
    ((_, message),) = schedule_warnings(START, "Hello", [other(MINUTE / 2, name="b"), other(MINUTE / 3, name="a")])
    assert message == "Another post of this account has the same minute, 2030-01-07T12:00:20.000Z (post a)."
