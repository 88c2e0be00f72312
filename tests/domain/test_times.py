"""An author's time becomes one instant, or an error with examples."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.times import ChosenTime, parse_chosen_time, to_wire

NOW = datetime(2026, 1, 15, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


def chosen_time(text: str, zone: str | None = None, *, now: datetime = NOW, max_days: float = 730.0) -> ChosenTime:
    return parse_chosen_time(text, zone, 0, now, max_days)


def refused(text: str, zone: str | None = None, *, now: datetime = NOW, max_days: float = 730.0) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse_chosen_time(text, zone, 0, now, max_days)
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
        ("2026-12-01T08:00:00.1234567Z", "2026-12-01T08:00:00.123456+00:00", "2026-12-01T08:00:00.123+00:00"),
        ("2026-12-01T08:00:00." + "9" * 99 + "Z", "2026-12-01T08:00:00.999999+00:00", "2026-12-01T08:00:00.999+00:00"),
        ("2026-12-01T10:00:00+02", "2026-12-01T08:00:00+00:00", "2026-12-01T10:00:00.000+02:00"),
        ("2026-12-01T08:00:00+00", "2026-12-01T08:00:00+00:00", "2026-12-01T08:00:00.000+00:00"),
        ("2026-12-01T08:00:00+0000", "2026-12-01T08:00:00+00:00", "2026-12-01T08:00:00.000+00:00"),
        ("2028-02-29T00:00:00Z", "2028-02-29T00:00:00+00:00", "2028-02-29T00:00:00.000+00:00"),
    ],
)
def test_every_form_with_an_offset_is_read(text: str, instant: str, local: str):
    chosen = chosen_time(text, max_days=5000)
    assert (chosen.at.isoformat(), chosen.local_time) == (instant, local)
    assert chosen.at.tzinfo is UTC
    assert (chosen.time_zone, chosen.ambiguous) == (None, False)


def test_offset_decides_the_instant_and_the_zone_only_the_local_time():
    chosen = chosen_time("2026-06-01T10:00:00+05:00", "Europe/Berlin")
    assert chosen.at == datetime(2026, 6, 1, 5, tzinfo=UTC)
    assert chosen.local_time == "2026-06-01T07:00:00.000+02:00"
    assert (chosen.time_zone, chosen.ambiguous) == ("Europe/Berlin", False)


def test_offset_inside_an_overlap_is_not_ambiguous():
    second = parse_chosen_time("2026-10-25T02:30:00+01:00", "Europe/Berlin", 0, NOW, 730)
    assert (second.at, second.ambiguous) == (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), False)
    assert second.local_time == "2026-10-25T02:30:00.000+01:00"


def test_wall_clock_without_a_zone_is_refused():
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
        "2026-06-01T10:00:00.Z",
        "2026-06-01T10:00:00,5Z",
        "2026-06-01T10:00:00+24:00",
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
def test_invalid_date_and_time_is_refused_with_examples(text: str, zone: str | None):
    refusal = refused(text, zone)
    assert refusal.code == "invalid_time"
    assert [(error.field, error.code) for error in refusal.errors] == [("scheduledAt", "invalid_time")]
    assert "Write 2026-12-01T08:00:00Z" in refusal.detail


@pytest.mark.parametrize("text", ["2026-06-01T10:00:00+01:60", "2026-06-01T10:00:00-0199"])
def test_an_offset_has_no_sixtieth_minute(text: str):
    """RFC 3339, 5.6: time-minute is 00–59, in an offset too. A typo must not move a post by an hour."""
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
def test_instant_outside_the_calendar_is_refused(text: str, zone: str | None):
    refusal = refused(text, zone)
    assert (refusal.code, refusal.errors[0].field) == ("invalid_time", "scheduledAt")


def test_first_and_last_calendar_instants_are_past_and_too_far():
    assert refused("0001-01-01T00:00:00Z").code == "schedule_in_past"
    assert refused("0001-01-01T00:00:00", "America/New_York").code == "schedule_in_past"
    assert refused("9999-12-31T23:59:59.999999Z").code == "schedule_too_far"
    assert refused("9999-12-31T23:59:59", "Asia/Tokyo").code == "schedule_too_far"


@pytest.mark.parametrize("ago", [MICROSECOND, SECOND, 60 * SECOND - MICROSECOND, 60 * SECOND])
def test_a_time_up_to_a_minute_ago_means_now(ago: timedelta):
    chosen = chosen_time((NOW - ago).isoformat())
    assert chosen.at == NOW
    assert chosen.local_time == "2026-01-15T12:00:00.000+00:00"


def test_now_for_a_recent_time_is_shown_in_the_authors_zone():
    chosen = chosen_time("2026-01-15T12:59:30", "Europe/Berlin")
    assert (chosen.at, chosen.local_time) == (NOW, "2026-01-15T13:00:00.000+01:00")


def test_now_keeps_its_microseconds_and_so_does_a_time_just_ahead():
    now = NOW + 123456 * MICROSECOND
    assert chosen_time(now.isoformat(), now=now).at == now
    assert chosen_time((now - MICROSECOND).isoformat(), now=now).at == now
    assert chosen_time((now + MICROSECOND).isoformat(), now=now).at == now + MICROSECOND


def test_time_over_a_minute_ago_is_refused_with_the_current_time():
    refusal = refused((NOW - 60 * SECOND - MICROSECOND).isoformat())
    assert refusal.code == "schedule_in_past"
    assert refusal.detail == (
        "2026-01-15T11:58:59.999Z has passed (it is 2026-01-15T12:00:00.000Z). Choose a time in the future."
    )


@pytest.mark.parametrize("max_days", [0.5, 7.0, 730.0])
def test_last_instant_of_the_horizon_is_accepted_and_the_next_refused(max_days: float):
    last = NOW + timedelta(days=max_days)
    assert chosen_time(last.isoformat(), max_days=max_days).at == last
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
def test_every_time_error_has_a_cure(text: str, zone: str | None):
    assert any(word in refused(text, zone).detail for word in ("Choose", "Write", "write", "Use"))


@given(
    at=st.datetimes(min_value=datetime(2026, 1, 16), max_value=datetime(2027, 12, 31)),
    minutes=st.integers(-1439, 1439),
)
def test_instant_at_any_offset_is_exact_to_the_microsecond(at: datetime, minutes: int):
    offset = timezone(timedelta(minutes=minutes))
    written = at.replace(tzinfo=UTC).astimezone(offset)
    chosen = chosen_time(written.isoformat())
    assert chosen.at == at.replace(tzinfo=UTC)
    assert chosen.at.utcoffset() == timedelta(0)
    assert chosen.local_time == written.isoformat(timespec="milliseconds")


@given(text=st.one_of(st.text(), st.from_regex(r"\A\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?\Z")))
def test_any_text_is_an_instant_or_invalid(text: str):
    with contextlib.suppress(Invalid):
        assert NOW <= chosen_time(text, "America/New_York").at <= NOW + timedelta(days=730)
