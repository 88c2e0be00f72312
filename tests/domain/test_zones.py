"""Time zones, their skipped hours and their repeated hours."""

import contextlib
import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.times import ChosenTime, parse_chosen_time

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ZONES = sorted(name for name in zoneinfo.available_timezones() if name[:1].isupper() and name != "Factory")


def chosen_time(text: str, zone: str, fold: int = 0, now: datetime = NOW) -> ChosenTime:
    return parse_chosen_time(text, zone, fold, now, 730.0)


def refused(text: str, zone: str, fold: int = 0, now: datetime = NOW) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse_chosen_time(text, zone, fold, now, 730.0)
    return caught.value


# zone, the last wall clock before the gap, the first one after it
GAPS = [
    ("America/New_York", "2026-03-08T01:59:59-05:00", "2026-03-08T03:00:00-04:00"),
    ("Europe/Berlin", "2026-03-29T01:59:59+01:00", "2026-03-29T03:00:00+02:00"),
    ("Australia/Lord_Howe", "2026-10-04T01:59:59+10:30", "2026-10-04T02:30:00+11:00"),
    ("Europe/Dublin", "2026-03-29T00:59:59+00:00", "2026-03-29T02:00:00+01:00"),  # its winter is the negative DST
    ("Africa/Casablanca", "2026-03-22T01:59:59+00:00", "2026-03-22T03:00:00+01:00"),  # so is its Ramadan
    ("America/Santiago", "2026-09-05T23:59:59-04:00", "2026-09-06T01:00:00-03:00"),  # no midnight
    ("Antarctica/Troll", "2026-03-29T00:59:59+00:00", "2026-03-29T03:00:00+02:00"),  # two hours
    ("Pacific/Apia", "2011-12-29T23:59:59-10:00", "2011-12-31T00:00:00+14:00"),  # a whole day
]
IN_A_GAP = [
    pytest.param(zone, before, after, where, id=f"{zone}-{where}")
    for zone, before, after in GAPS
    for where in ("first", "middle", "last")
]


def wall_clock(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


@pytest.mark.parametrize(("zone", "before", "after", "where"), IN_A_GAP)
@pytest.mark.parametrize("fold", [0, 1])
def test_time_in_a_gap_names_both_edges(zone: str, before: str, after: str, where: str, fold: int):
    first, end = wall_clock(before) + timedelta(seconds=1), wall_clock(after)
    naive = {"first": first, "middle": first + (end - first) / 2, "last": end - MICROSECOND}[where]
    refusal = refused(naive.isoformat(), zone, fold, datetime.fromisoformat(before) - timedelta(days=30))
    assert refusal.code == "nonexistent_local_time"
    assert [(error.field, error.code) for error in refusal.errors] == [("scheduledAt", "nonexistent_local_time")]
    assert refusal.detail == (
        f"The clocks in {zone} skip {naive.isoformat()}: they go from {before} to {after}. "
        "Choose a time before or after the gap."
    )


@pytest.mark.parametrize(("zone", "before", "after"), GAPS, ids=[gap[0] for gap in GAPS])
def test_gap_edges_exist_and_are_one_second_apart(zone: str, before: str, after: str):
    now = datetime.fromisoformat(before) - timedelta(days=30)
    last, first = (chosen_time(wall_clock(text).isoformat(), zone, now=now) for text in (before, after))
    assert first.at - last.at == timedelta(seconds=1)
    assert (last.at, first.at) == (datetime.fromisoformat(before), datetime.fromisoformat(after))
    assert (last.ambiguous, first.ambiguous) == (False, False)


OVERLAPS = [
    ("Europe/Berlin", "2026-10-25T02:30:00", "+02:00", "+01:00"),
    ("America/New_York", "2026-11-01T01:30:00", "-04:00", "-05:00"),
    ("Australia/Lord_Howe", "2026-04-05T01:45:00", "+11:00", "+10:30"),
    ("Europe/Dublin", "2026-10-25T01:30:00", "+01:00", "+00:00"),
    ("Africa/Casablanca", "2026-02-15T02:30:00", "+01:00", "+00:00"),
]


@pytest.mark.parametrize(("zone", "text", "first", "second"), OVERLAPS, ids=[overlap[0] for overlap in OVERLAPS])
def test_a_time_shown_twice_is_the_first_unless_fold_says_the_second(zone: str, text: str, first: str, second: str):
    for fold, offset in ((0, first), (1, second)):
        chosen = chosen_time(text, zone, fold)
        assert chosen.at == datetime.fromisoformat(text + offset)
        assert chosen.local_time == f"{text}.000{offset}"
        assert chosen.ambiguous is True


def test_only_the_repeated_hour_is_ambiguous_to_its_last_microsecond():
    for text, ambiguous in (
        ("2026-10-25T01:59:59.999999", False),
        ("2026-10-25T02:00:00", True),
        ("2026-10-25T02:59:59.999999", True),
        ("2026-10-25T03:00:00", False),
    ):
        assert chosen_time(text, "Europe/Berlin").ambiguous is ambiguous


def test_fold_is_ignored_for_an_unambiguous_time():
    assert chosen_time("2026-06-01T10:00:00", "Europe/Berlin", 1) == chosen_time(
        "2026-06-01T10:00:00", "Europe/Berlin", 0
    )


@pytest.mark.parametrize(
    ("zone", "instant"),
    [
        ("UTC", "2026-06-01T10:00:00+00:00"),
        ("Etc/UTC", "2026-06-01T10:00:00+00:00"),
        ("Etc/GMT+5", "2026-06-01T15:00:00+00:00"),
        ("US/Eastern", "2026-06-01T14:00:00+00:00"),
        ("EST5EDT", "2026-06-01T14:00:00+00:00"),
        ("GB-Eire", "2026-06-01T09:00:00+00:00"),
        ("Asia/Kathmandu", "2026-06-01T04:15:00+00:00"),
        ("America/Port-au-Prince", "2026-06-01T14:00:00+00:00"),
        ("America/Argentina/Buenos_Aires", "2026-06-01T13:00:00+00:00"),
        ("America/Argentina/ComodRivadavia", "2026-06-01T13:00:00+00:00"),
    ],
)
def test_every_form_of_an_iana_name_is_accepted(zone: str, instant: str):
    chosen = chosen_time("2026-06-01T10:00:00", zone)
    assert (chosen.at.isoformat(), chosen.time_zone) == (instant, zone)


def test_every_zone_of_this_machine_is_accepted():
    assert [zone for zone in ZONES if chosen_time("2026-06-01T10:00:00Z", zone).time_zone != zone] == []


@pytest.mark.parametrize(
    "zone",
    [
        "America",
        "America/",
        "America/Argentina",
        "/Europe/Berlin",
        "Europe//Berlin",
        "../Europe/Berlin",
        "Europe/../Europe/Berlin",
        "Europe/./Berlin",
        "/etc/passwd",
        "C:\\Windows",
        "europe/berlin",
        "EUROPE/BERLIN",
        "utc",
        "localtime",
        "posixrules",
        "posix/Europe/Berlin",
        "right/UTC",
        "zone.tab",
        "Factory",
        "Nowhere/City",
        "CEST",
        "+01:00",
        "",
        " ",
        "Europe/Berlin ",
        "Europe/Berlin\n",
        "Europe/Berlin\0",
        "Zürich",
        "Ｅurope/Berlin",
        pytest.param("A" * 64, id="64 characters"),
        pytest.param("A" * 65, id="65 characters"),
        pytest.param("Europe/" + "B" * 300, id="longer than a file name may be"),
        pytest.param("A" * 10_000, id="longer than a path may be"),
    ],
)
@pytest.mark.parametrize("text", ["2026-06-01T10:00:00", "2026-06-01T10:00:00Z"], ids=["wall clock", "offset"])
def test_unknown_zone_is_refused_even_beside_an_offset(zone: str, text: str):
    refusal = refused(text, zone)
    assert refusal.code == "unknown_time_zone"
    assert [(error.field, error.code) for error in refusal.errors] == [("timeZone", "unknown_time_zone")]
    assert refusal.detail == "Use an IANA time zone name, such as Europe/Berlin."


@given(zone=st.text(max_size=80))
def test_any_zone_name_is_a_zone_or_invalid(zone: str):
    with contextlib.suppress(Invalid):
        assert chosen_time("2026-06-01T10:00:00", zone).time_zone == zone


@given(at=st.datetimes(min_value=datetime(2026, 1, 2), max_value=datetime(2027, 12, 30)), zone=st.sampled_from(ZONES))
def test_wall_clock_and_fold_round_trip_in_every_zone(at: datetime, zone: str):
    instant = at.replace(tzinfo=UTC)
    shown = instant.astimezone(ZoneInfo(zone))
    chosen = chosen_time(shown.replace(tzinfo=None).isoformat(), zone, shown.fold)
    assert chosen.at == instant
    assert chosen.local_time == shown.isoformat(timespec="milliseconds")


@given(
    naive=st.datetimes(min_value=datetime(2026, 1, 3), max_value=datetime(2027, 12, 30)),
    zone=st.sampled_from(ZONES),
    fold=st.sampled_from([0, 1]),
)
def test_wall_clock_of_the_chosen_instant_is_the_text(naive: datetime, zone: str, fold: int):
    shown = naive.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC).astimezone(ZoneInfo(zone))
    if shown.replace(tzinfo=None) != naive:
        assert refused(naive.isoformat(), zone, fold).code == "nonexistent_local_time"
    else:
        assert chosen_time(naive.isoformat(), zone, fold).at == shown
