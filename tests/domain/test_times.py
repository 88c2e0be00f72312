"""What an author writes as a time: one instant, or a refusal that says what to write instead."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.times import Promise, parse_promise, to_wire

NOW = datetime(2026, 1, 15, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


def promised(text: str, zone: str | None = None, *, now: datetime = NOW, max_days: float = 730.0) -> Promise:
    return parse_promise(text, zone, 0, now, max_days)


def refused(text: str, zone: str | None = None, *, now: datetime = NOW, max_days: float = 730.0) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse_promise(text, zone, 0, now, max_days)
    return caught.value


@pytest.mark.parametrize(
    ("text", "instant", "local"),
    [
        ("2026-12-01T08:00Z", "2026-12-01T08:00:00+00:00", "2026-12-01T08:00:00.000+00:00"),
        ("2026-12-01T08:00:00Z", "2026-12-01T08:00:00+00:00", "2026-12-01T08:00:00.000+00:00"),
        ("2026-12-01t08:00:00z", "2026-12-01T08:00:00+00:00", "2026-12-01T08:00:00.000+00:00"),
        ("2026-12-01 08:00:00Z", "2026-12-01T08:00:00+00:00", "2026-12-01T08:00:00.000+00:00"),
        ("2026-12-01T08:00:00-00:00", "2026-12-01T08:00:00+00:00", "2026-12-01T08:00:00.000+00:00"),
        ("2026-12-01T09:00:00+01:00", "2026-12-01T08:00:00+00:00", "2026-12-01T09:00:00.000+01:00"),
        ("2026-12-01T09:00:00+0100", "2026-12-01T08:00:00+00:00", "2026-12-01T09:00:00.000+01:00"),
        ("2026-12-01T03:15:00-04:45", "2026-12-01T08:00:00+00:00", "2026-12-01T03:15:00.000-04:45"),
        ("2026-12-01T08:00:00.5Z", "2026-12-01T08:00:00.500000+00:00", "2026-12-01T08:00:00.500+00:00"),
        ("2026-12-01T08:00:00.000001Z", "2026-12-01T08:00:00.000001+00:00", "2026-12-01T08:00:00.000+00:00"),
        ("2026-12-01T08:00:00.999999Z", "2026-12-01T08:00:00.999999+00:00", "2026-12-01T08:00:00.999+00:00"),
        ("2028-02-29T00:00:00Z", "2028-02-29T00:00:00+00:00", "2028-02-29T00:00:00.000+00:00"),
    ],
)
def test_every_form_of_a_time_with_an_offset_is_the_instant_it_says(text: str, instant: str, local: str):
    promise = promised(text, max_days=5000)
    assert (promise.at.isoformat(), promise.local_time) == (instant, local)
    assert promise.at.tzinfo is UTC
    assert (promise.time_zone, promise.ambiguous) == (None, False)


def test_an_offset_is_the_instant_and_a_zone_beside_it_only_shows_it():
    promise = promised("2026-06-01T10:00:00+05:00", "Europe/Berlin")
    assert promise.at == datetime(2026, 6, 1, 5, tzinfo=UTC)
    assert promise.local_time == "2026-06-01T07:00:00.000+02:00"
    assert (promise.time_zone, promise.ambiguous) == ("Europe/Berlin", False)


def test_an_offset_inside_an_overlap_leaves_nothing_to_choose():
    second = parse_promise("2026-10-25T02:30:00+01:00", "Europe/Berlin", 0, NOW, 730)
    assert (second.at, second.ambiguous) == (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), False)
    assert second.local_time == "2026-10-25T02:30:00.000+01:00"


def test_a_wall_clock_without_a_zone_is_refused_with_both_ways_to_say_one():
    refusal = refused("2026-12-01T09:00:00")
    assert refusal.code == "timezone_required"
    assert [(error.field, error.code) for error in refusal.errors] == [("scheduledAt", "timezone_required")]
    assert "2026-12-01T09:00:00+01:00" in refusal.detail
    assert "timeZone" in refusal.detail
    assert refusal.errors[0].message == refusal.detail


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-30T23:59:60Z",  # a leap second: no clock of ours shows it
        "2026-06-30T24:00:00Z",
        "2026-06-30T25:00:00Z",
        "2026-06-30T10:60:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "12026-01-01T00:00:00Z",
        "-2026-01-01T00:00:00Z",
        "2026-06-01T10:00:00.1234567Z",
        "2026-06-01T10:00:00.Z",
        "2026-06-01T10:00:00,5Z",
        "2026-06-01T10:00:00+24:00",
        "2026-06-01T10:00:00+02",
        "2026-06-01T10:00:00+05:30:15",
        "2026-06-01T10:00:00−05:00",
        "2026-06-01T10:00:00ZZ",
        "2026-06-01T10:00:00Z\n",
        " 2026-06-01T10:00:00Z",
        "2026-06-01T10:00:00 Z",
        "２026-06-01T10:00:00Z",
        "2026-06-01T10:00:0٣Z",
        "2026-06-01",
        "20260601T100000Z",
        "2026-W23-1T10:00:00Z",
        "2026-152T10:00:00Z",
        "2026-06-01T10Z",
        "2026-06-01_10:00:00Z",
        "tomorrow at nine",
        "1764576000",
        "",
    ],
)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_what_is_no_date_and_time_is_refused_with_examples(text: str, zone: str | None):
    refusal = refused(text, zone)
    assert refusal.code == "invalid_time"
    assert [(error.field, error.code) for error in refusal.errors] == [("scheduledAt", "invalid_time")]
    assert "Write 2026-12-01T08:00:00Z" in refusal.detail


@pytest.mark.parametrize("text", ["2026-06-01T10:00:00+01:60", "2026-06-01T10:00:00-0199"])
def test_an_offset_has_no_sixtieth_minute(text: str):
    """RFC 3339, 5.6: time-minute is 00–59, in an offset too; a typo must not move a post by an hour."""
    assert refused(text).code == "invalid_time"


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("0001-01-01T00:00:00+14:00", None),
        ("0001-01-01T00:00:00+00:01", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("9999-12-31T23:59:59.999999-00:01", None),
        ("0001-01-01T00:00:00", "Europe/Berlin"),
        ("9999-12-31T23:59:59", "America/New_York"),
    ],
)
def test_an_instant_outside_the_calendar_is_refused_not_an_error(text: str, zone: str | None):
    refusal = refused(text, zone)
    assert (refusal.code, refusal.errors[0].field) == ("invalid_time", "scheduledAt")


def test_the_first_and_last_instants_of_the_calendar_are_only_past_and_too_far():
    assert refused("0001-01-01T00:00:00Z").code == "schedule_in_past"
    assert refused("0001-01-01T00:00:00", "America/New_York").code == "schedule_in_past"
    assert refused("9999-12-31T23:59:59.999999Z").code == "schedule_too_far"
    assert refused("9999-12-31T23:59:59", "Asia/Tokyo").code == "schedule_too_far"


@pytest.mark.parametrize("ago", [MICROSECOND, SECOND, 60 * SECOND - MICROSECOND, 60 * SECOND])
def test_a_time_up_to_a_minute_ago_means_now(ago: timedelta):
    promise = promised((NOW - ago).isoformat())
    assert promise.at == NOW
    assert promise.local_time == "2026-01-15T12:00:00.000+00:00"


def test_now_taken_for_a_time_just_passed_is_shown_on_the_authors_clock():
    promise = promised("2026-01-15T12:59:30", "Europe/Berlin")
    assert (promise.at, promise.local_time) == (NOW, "2026-01-15T13:00:00.000+01:00")


def test_now_keeps_its_microseconds_and_so_does_a_time_just_ahead():
    now = NOW + 123456 * MICROSECOND
    assert promised(now.isoformat(), now=now).at == now
    assert promised((now - MICROSECOND).isoformat(), now=now).at == now
    assert promised((now + MICROSECOND).isoformat(), now=now).at == now + MICROSECOND


def test_a_time_more_than_a_minute_ago_is_refused_and_told_what_the_time_is():
    refusal = refused((NOW - 60 * SECOND - MICROSECOND).isoformat())
    assert refusal.code == "schedule_in_past"
    assert refusal.detail == (
        "2026-01-15T11:58:59.999Z has passed (it is 2026-01-15T12:00:00.000Z). Choose a time in the future."
    )


@pytest.mark.parametrize("max_days", [0.5, 7.0, 730.0])
def test_the_last_instant_of_the_horizon_is_taken_and_the_next_is_not(max_days: float):
    last = NOW + timedelta(days=max_days)
    assert promised(last.isoformat(), max_days=max_days).at == last
    refusal = refused((last + MICROSECOND).isoformat(), max_days=max_days)
    assert refusal.code == "schedule_too_far"
    assert refusal.detail == f"Choose a time within {max_days:g} days from now."


def test_the_wire_has_utc_with_milliseconds_and_z():
    half_past = timezone(timedelta(hours=5, minutes=30))
    assert to_wire(None) is None
    assert to_wire(datetime(2026, 12, 1, 8, tzinfo=UTC)) == "2026-12-01T08:00:00.000Z"
    assert to_wire(datetime(2026, 12, 1, 13, 30, 0, 1999, tzinfo=half_past)) == "2026-12-01T08:00:00.001Z"


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("nonsense", None),
        ("2026-12-01T09:00:00", None),
        ("2026-12-01T09:00:00", "Nowhere/City"),
        ("2020-12-01T09:00:00Z", None),
        ("2090-12-01T09:00:00Z", None),
        ("2026-03-29T02:30:00", "Europe/Berlin"),
        ("9999-12-31T23:59:59-14:00", None),
    ],
)
def test_every_refusal_of_a_time_says_what_to_do(text: str, zone: str | None):
    assert any(word in refused(text, zone).detail for word in ("Choose", "Write", "write", "Use"))


@given(
    at=st.datetimes(min_value=datetime(2026, 1, 16), max_value=datetime(2027, 12, 31)),
    minutes=st.integers(-1439, 1439),
)
def test_an_instant_written_at_any_offset_is_promised_to_the_microsecond(at: datetime, minutes: int):
    offset = timezone(timedelta(minutes=minutes))
    written = at.replace(tzinfo=UTC).astimezone(offset)
    promise = promised(written.isoformat())
    assert promise.at == at.replace(tzinfo=UTC)
    assert promise.at.utcoffset() == timedelta(0)
    assert promise.local_time == written.isoformat(timespec="milliseconds")


@given(text=st.one_of(st.text(), st.from_regex(r"\A\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?\Z")))
def test_any_text_is_an_instant_or_a_refusal_and_never_an_error(text: str):
    with contextlib.suppress(Invalid):
        assert NOW <= promised(text, "America/New_York").at <= NOW + timedelta(days=730)
