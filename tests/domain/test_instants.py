"""The reader of instants for every field and query except an author's time."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.times import FIRST, LAST, cut_fraction, parse_instant, to_wire


def refused(text: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse_instant(text, "expiresAt")
    [error] = caught.value.errors
    assert (error.field, error.code, error.message) == ("expiresAt", caught.value.code, caught.value.detail)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T08:00Z",
        "2026-12-01 08:00:00z",
        "2026-12-01t08:00:00.0Z",
        "2026-12-01T08:00:00.00000000000000009Z",
        "2026-12-01T08:00:00+00",
        "2026-12-01T08:00:00-0000",
        "2026-12-01T07:00:00-01",
        "2026-12-02T07:59:00+23:59",
    ],
)
def test_every_form_of_one_instant_is_equal(text: str):
    assert parse_instant(text, "expiresAt") == datetime(2026, 12, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-12-01", "1796112000", "2026-W49-2T08:00:00Z", "2026-12-01T8:00:00Z"]
)
def test_wrong_form_is_refused_with_examples(text: str):
    problem = refused(text)
    assert problem.code == "invalid_time"
    assert problem.detail.startswith("This is not written as a date and time. Write 2026-12-01T08:00:00Z or")


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T08:00:00Z",
        "2026-13-01T08:00:00Z",
        "2026-00-01T08:00:00Z",
        "0000-01-01T08:00:00Z",
        "2026-12-01T24:61:00Z",
        "2026-12-01T24:00:00Z",
        "2026-12-01T08:60:00Z",
        "2026-12-01T08:00:60Z",
        "2026-12-01T08:00:00+24:00",
        "2026-12-01T08:00:00+01:60",
    ],
)
def test_time_that_does_not_exist_is_refused_as_such(text: str):
    problem = refused(text)
    assert problem.code == "invalid_time"
    assert problem.detail.startswith("This date and time does not exist")


def test_instant_without_offset_is_refused():
    assert refused("2026-12-01T08:00:00").code == "timezone_required"


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59.999999Z",
        "3000-01-01T00:00:00Z",
        "1970-01-01T00:00:00+00:01",
        "2999-12-31T23:59:59-00:01",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
    ],
)
def test_instant_out_of_range_is_refused_with_the_range(text: str):
    problem = refused(text)
    assert problem.code == "time_out_of_range"
    assert "1970-01-01T00:00:00.000Z to 2999-12-31T23:59:59.999Z" in problem.detail


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-23:59"])
def test_instant_outside_the_calendar_is_refused(text: str):
    assert refused(text).code == "invalid_time"


def test_the_ends_of_the_range_are_accepted():
    assert parse_instant(FIRST.isoformat(), "") == FIRST
    assert parse_instant(LAST.isoformat(), "") == LAST
    assert to_wire(LAST) == "2999-12-31T23:59:59.999Z"


def test_only_digits_beyond_microseconds_are_cut():
    assert cut_fraction("2026-12-01T08:00:00.1234567+01:00") == "2026-12-01T08:00:00.123456+01:00"
    assert cut_fraction("2026-12-01T08:00:00.5Z") == "2026-12-01T08:00:00.5Z"


@given(
    st.one_of(st.text(), st.from_regex(r"\A\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?\Z"))
)
def test_any_text_is_an_instant_in_range_or_invalid(text: str):
    with contextlib.suppress(Invalid):
        assert FIRST <= parse_instant(text, "") <= LAST
