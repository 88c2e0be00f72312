"""The instants of weekly slots: their order, and the days on which clocks change."""

import zoneinfo
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.slots import DAYS, Queue, Slot, queue_of, read_slot

ZONES = sorted(name for name in zoneinfo.available_timezones() if name[:1].isupper() and name != "Factory")
NOON = time(12)


def slot(text: str) -> Slot:
    return read_slot(text)


def local(zone: str, after: str, count: int, *slots: str) -> list[str]:
    """Return the next wall clock times of these slots, with their offsets."""
    queue = queue_of(zone, map(slot, slots))
    found = islice(queue.instants(datetime.fromisoformat(after)), count)
    return [at.astimezone(ZoneInfo(zone)).isoformat() for at in found]


def daily(at: str) -> list[str]:
    return [f"{day} {at}" for day in DAYS]


def test_slots_come_week_after_week_in_order():
    assert local("Europe/Berlin", "2026-11-02T08:00:00+00:00", 5, "wed 17:30:00", "mon 09:00:00", "mon 10:15:30") == [
        "2026-11-02T10:15:30+01:00",
        "2026-11-04T17:30:00+01:00",
        "2026-11-09T09:00:00+01:00",
        "2026-11-09T10:15:30+01:00",
        "2026-11-11T17:30:00+01:00",
    ]


def test_slot_of_the_present_instant_has_passed():
    assert local("UTC", "2026-11-02T09:00:00+00:00", 1, "mon 09:00:00") == ["2026-11-09T09:00:00+00:00"]


def test_slot_keeps_its_wall_clock_time_across_a_change_of_the_clocks():
    assert local("America/New_York", "2026-10-30T00:00:00+00:00", 2, *daily("09:00:00"))[-1].endswith("-04:00")
    assert local("America/New_York", "2026-11-01T00:00:00+00:00", 1, *daily("09:00:00")) == [
        "2026-11-01T09:00:00-05:00"
    ]


@pytest.mark.parametrize(
    ("zone", "after", "at", "moved"),
    [
        ("Europe/Berlin", "2026-03-29T00:00:00+00:00", "02:30:00", "2026-03-29T03:30:00+02:00"),
        ("America/New_York", "2026-03-08T06:00:00+00:00", "02:00:00", "2026-03-08T03:00:00-04:00"),
        ("Australia/Lord_Howe", "2026-10-03T14:00:00+00:00", "02:10:00", "2026-10-04T02:40:00+11:00"),
        ("Antarctica/Troll", "2026-03-29T00:00:00+00:00", "01:15:00", "2026-03-29T03:15:00+02:00"),
        ("America/Santiago", "2026-09-06T03:30:00+00:00", "00:30:00", "2026-09-06T01:30:00-03:00"),
        ("Pacific/Apia", "2011-12-30T09:00:00+00:00", "09:00:00", "2011-12-31T09:00:00+14:00"),  # a whole day
    ],
)
def test_slot_in_a_gap_moves_forward_by_its_length(zone: str, after: str, at: str, moved: str):
    assert local(zone, after, 1, *daily(at)) == [moved]


def test_slot_moved_onto_another_one_is_one_slot():
    found = local("Europe/Berlin", "2026-03-28T20:00:00+00:00", 3, *daily("02:30:00"), *daily("03:30:00"))
    assert found == ["2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00", "2026-03-30T03:30:00+02:00"]


def test_slot_moved_by_a_whole_day_comes_after_the_earlier_slots_of_its_new_day():
    found = local("Pacific/Apia", "2011-12-30T09:00:00+00:00", 2, "fri 09:00:00", "sat 08:00:00")
    assert found == ["2011-12-31T08:00:00+14:00", "2011-12-31T09:00:00+14:00"]


@pytest.mark.parametrize(
    ("zone", "after", "at", "first", "next_day"),
    [
        ("Europe/Berlin", "2026-10-24T12:00:00+00:00", "02:30:00", "25T02:30:00+02:00", "26T02:30:00+01:00"),
        ("America/New_York", "2026-10-31T12:00:00+00:00", "01:00:00", "01T01:00:00-04:00", "02T01:00:00-05:00"),
        ("Australia/Lord_Howe", "2026-04-04T03:00:00+00:00", "01:45:00", "05T01:45:00+11:00", "06T01:45:00+10:30"),
    ],
)
def test_slot_that_a_day_has_twice_is_its_first(zone: str, after: str, at: str, first: str, next_day: str):
    assert [text[8:] for text in local(zone, after, 2, *daily(at))] == [first, next_day]


def test_slot_later_than_the_first_of_two_is_the_next_days():
    between = "2026-10-25T00:45:00+00:00"  # 02:45 for the first time
    assert local("Europe/Berlin", between, 1, *daily("02:30:00")) == ["2026-10-26T02:30:00+01:00"]


def test_queue_without_slots_has_no_instants():
    now = datetime(2026, 11, 2, tzinfo=UTC)
    assert list(Queue(None, ()).instants(now)) == []
    assert list(queue_of("UTC", []).instants(now)) == []


def test_slot_given_twice_is_refused_by_its_place():
    with pytest.raises(Invalid) as caught:
        queue_of("UTC", [slot("mon 09:00:00"), slot("tue 09:00:00"), slot("mon 09:00:00")])
    assert [(error.field, error.code) for error in caught.value.errors] == [("times.2", "repeated_time")]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "berlin", "", "../etc", "Factory"])
def test_unknown_zone_is_refused(zone: str):
    with pytest.raises(Invalid) as caught:
        queue_of(zone, [])
    assert caught.value.code == "unknown_time_zone"


def whole_second(at: time) -> time:
    """Return a time as an author writes it: without a fraction, and without a fold."""
    return at.replace(microsecond=0, fold=0)


@given(
    zone=st.sampled_from(ZONES),
    after=st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    slots=st.sets(st.builds(Slot, st.integers(0, 6), st.times().map(whole_second)), min_size=1),
)
def test_instants_are_in_order_each_once_and_complete(zone: str, after: datetime, slots: set[Slot]):
    queue = queue_of(zone, slots)
    found = list(islice(queue.instants(after), 3 * len(slots)))
    assert found == sorted(set(found))
    assert found[0] > after
    # The plain reading, of all days around.
    days = [(after + timedelta(days=n)).date() for n in range(-4, 40)]
    all_of_them = {
        datetime.combine(day, one.at, ZoneInfo(zone)).astimezone(UTC)
        for day in days
        for one in slots
        if one.day == day.weekday()
    }
    assert found == sorted(at for at in all_of_them if at > after)[: len(found)]
