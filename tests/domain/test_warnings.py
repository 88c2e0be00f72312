"""Warnings of nearby posts: the same text within a day, another post within a minute."""

from datetime import timedelta

import pytest

from app.domain.lifecycle import Status
from app.domain.warnings import NearbyPost, content_hash, schedule_warnings
from tests.support.fakes import START

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)


def other(after: timedelta, same_text: bool = False, name: str = "p1", status: Status = Status.SCHEDULED) -> NearbyPost:
    return NearbyPost(name, status, START + after, same_text)


def codes(*others: NearbyPost) -> list[str]:
    return [code for code, _ in schedule_warnings(START, others)]


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
def test_equal_looking_texts_have_one_hash(one: str, two: str):
    assert content_hash(one) == content_hash(two) is not None


@pytest.mark.parametrize(("one", "two"), [("Hello", "Hello!"), ("ab", "a b"), ("e", "é")])
def test_texts_with_another_letter_or_mark_have_other_hashes(one: str, two: str):
    assert content_hash(one) != content_hash(two)


@pytest.mark.parametrize("sign", [1, -1])
def test_same_text_within_a_day_is_a_warning(sign: int):
    assert codes(other(sign * DAY, True)) == ["duplicate_text"]
    assert codes(other(sign * (DAY + INSTANT), True)) == []
    assert codes(other(sign * DAY)) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_another_post_is_a_warning_within_a_minute_but_not_at_a_minute(sign: int):
    assert codes(other(sign * (MINUTE - INSTANT))) == ["crowded_minute"]
    assert codes(other(sign * MINUTE)) == []


def test_one_post_can_cause_both_warnings():
    assert codes(other(timedelta(0), True)) == ["duplicate_text", "crowded_minute"]


def test_warning_names_the_nearest_post():
    far, near = other(DAY / 2, True, "far"), other(-2 * MINUTE, True, "near", Status.PUBLISHED)
    ((_, message),) = schedule_warnings(START, [far, near])
    assert message == "The same text went to this account at 2030-01-07T11:58:00.000Z (post near)."
    ((_, message),) = schedule_warnings(START, [other(MINUTE / 2, name="b"), other(MINUTE / 3, name="a")])
    assert message == "Another post of this account has the same minute, 2030-01-07T12:00:20.000Z (post a)."
