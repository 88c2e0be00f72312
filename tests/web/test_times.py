"""The author's time over HTTP: accepted, or refused with a reason and examples."""

from typing import Any

import pytest

from tests.web.site import HOUR, NOW, SECOND, Site, User, json_of, refused, wire_form


@pytest.fixture
def alice(small_site: Site) -> User:
    return small_site.user("alice")


def schedule(user: User, **body: Any) -> Any:
    user.account()
    return user.post(f"/api/posts/{user.draft()['id']}/schedule", json=body)


@pytest.mark.parametrize(
    ("text", "zone", "instant", "local"),
    [
        ("2026-12-01T08:00:00Z", None, "2026-12-01T08:00:00.000Z", "2026-12-01T08:00:00.000+00:00"),
        ("2026-12-01T08:00Z", None, "2026-12-01T08:00:00.000Z", "2026-12-01T08:00:00.000+00:00"),
        ("2026-12-01t08:00:00.25z", None, "2026-12-01T08:00:00.250Z", "2026-12-01T08:00:00.250+00:00"),
        ("2026-12-01T08:00:00.1234567Z", None, "2026-12-01T08:00:00.123Z", "2026-12-01T08:00:00.123+00:00"),
        (f"2026-12-01T08:00:00.{'0' * 500}Z", None, "2026-12-01T08:00:00.000Z", "2026-12-01T08:00:00.000+00:00"),
        ("2026-12-01T09:00:00+01", None, "2026-12-01T08:00:00.000Z", "2026-12-01T09:00:00.000+01:00"),
        ("2026-12-01T09:00:00+01:00", None, "2026-12-01T08:00:00.000Z", "2026-12-01T09:00:00.000+01:00"),
        ("2026-12-01T09:00:00", "Europe/Berlin", "2026-12-01T08:00:00.000Z", "2026-12-01T09:00:00.000+01:00"),
        ("2026-12-01T08:00:00Z", "Asia/Kolkata", "2026-12-01T08:00:00.000Z", "2026-12-01T13:30:00.000+05:30"),
        ("2026-12-01T03:00:00-05:00", "Asia/Tokyo", "2026-12-01T08:00:00.000Z", "2026-12-01T17:00:00.000+09:00"),
    ],
)
def test_every_documented_form_of_a_time_is_accepted(
    alice: User, text: str, zone: str | None, instant: str, local: str
):
    answer = json_of(schedule(alice, scheduledAt=text, **({"timeZone": zone} if zone else {})))
    assert (answer["scheduledAt"], answer["localTime"], answer["timeZone"]) == (instant, local, zone)


@pytest.mark.parametrize("zone", [{}, {"timeZone": None}], ids=["absent", "null"])
def test_a_time_without_offset_or_zone_is_refused(alice: User, zone: dict[str, None]):
    problem = refused(schedule(alice, scheduledAt="2026-12-01T09:00:00", **zone), 422, "timezone_required")
    assert "timeZone" in problem["detail"]
    assert problem["errors"][0]["field"] == "scheduledAt"


def test_a_time_more_than_a_minute_past_is_refused(alice: User):
    refused(schedule(alice, scheduledAt=wire_form(NOW - 61 * SECOND)), 422, "schedule_in_past")
    refused(schedule(alice, scheduledAt="1969-12-31T23:59:59Z"), 422, "schedule_in_past")


def test_a_time_too_far_ahead_is_refused(alice: User):
    refused(schedule(alice, scheduledAt=wire_form(NOW + 730 * 24 * HOUR + SECOND)), 422, "schedule_too_far")
    assert json_of(schedule(alice, scheduledAt=wire_form(NOW + 730 * 24 * HOUR)))["status"] == "scheduled"


def test_nonexistent_local_time_is_refused_with_the_gaps_edges(alice: User):
    answer = schedule(alice, scheduledAt="2027-03-28T02:30:00", timeZone="Europe/Berlin")
    problem = refused(answer, 422, "nonexistent_local_time")
    assert "2027-03-28T01:59:59+01:00" in problem["detail"]
    assert "2027-03-28T03:00:00+02:00" in problem["detail"]


@pytest.mark.parametrize(
    ("fold", "instant", "offset"),
    [
        (None, "2027-10-31T00:30:00.000Z", "+02:00"),
        (0, "2027-10-31T00:30:00.000Z", "+02:00"),
        (1, "2027-10-31T01:30:00.000Z", "+01:00"),
    ],
)
def test_ambiguous_local_time_is_the_first_unless_fold_is_1(alice: User, fold: int | None, instant: str, offset: str):
    chosen = {} if fold is None else {"fold": fold}
    answer = json_of(schedule(alice, scheduledAt="2027-10-31T02:30:00", timeZone="Europe/Berlin", **chosen))
    assert (answer["scheduledAt"], answer["localTime"]) == (instant, f"2027-10-31T02:30:00.000{offset}")
    assert "ambiguous_local_time" in [warning["code"] for warning in answer["warnings"]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-12-01",
        "08:00:00Z",
        "1796112000",
        "2026-02-30T08:00:00Z",
        "2026-13-01T08:00:00Z",
        "2026-12-01T08:00:60Z",
        "2026-12-01T25:00:00Z",
        "2026-12-01T08:00:00+25:00",
        "2026-12-01T08:00:00 Z",
        "2026-12-01T08:00:00Z\n",
        "２０２６-12-01T08:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "10000-01-01T00:00:00Z",
        "-2026-12-01T08:00:00Z",
        "2026-W49-2T08:00:00Z",
    ],
    ids=ascii,
)
def test_invalid_time_is_refused(alice: User, text: str):
    problem = refused(schedule(alice, scheduledAt=text), 422, "invalid_time")
    assert problem["errors"][0]["field"] == "scheduledAt"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Pacific/Apia"])
def test_the_ends_of_the_calendar_are_refused_in_every_zone(alice: User, text: str, zone: str):
    problem = schedule(alice, scheduledAt=text, timeZone=zone).get_json(force=True)
    assert problem["code"] in ("invalid_time", "schedule_in_past", "schedule_too_far")


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "Mars/Olympus",
        "europe/berlin",
        "CET+1",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe",
        "Factory",
        "posix/UTC/",
        "Europe/Berlin ",
        "tzdata.zi",
        "localtime",
        "é",
    ],
    ids=ascii,
)
def test_unknown_zone_is_refused(alice: User, zone: str):
    answer = schedule(alice, scheduledAt="2026-12-01T09:00:00", timeZone=zone)
    assert refused(answer, 422, "unknown_time_zone")["errors"][0]["field"] == "timeZone"
    refused(schedule(alice, scheduledAt="2026-12-01T09:00:00Z", timeZone=zone), 422, "unknown_time_zone")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "scheduledAt"),
        ({"scheduledAt": None}, "scheduledAt"),
        ({"scheduledAt": 1796112000}, "scheduledAt"),
        ({"scheduledAt": True}, "scheduledAt"),
        ({"scheduledAt": {"at": "2026-12-01T08:00:00Z"}}, "scheduledAt"),
        ({"scheduledAt": ["2026-12-01T08:00:00Z"]}, "scheduledAt"),
        ({"scheduledAt": "2" * 65}, "scheduledAt"),
        ({"scheduledAt": "2026-12-01T08:00:00Z\0"}, "scheduledAt"),
        ({"scheduledAt": "2026-12-01T08:00:00Z", "timeZone": 1}, "timeZone"),
        ({"scheduledAt": "2026-12-01T08:00:00Z", "timeZone": "x" * 65}, "timeZone"),
        ({"scheduledAt": "2026-12-01T08:00:00Z", "fold": 2}, "fold"),
        ({"scheduledAt": "2026-12-01T08:00:00Z", "fold": "1"}, "fold"),
        ({"scheduledAt": "2026-12-01T08:00:00Z", "fold": 0.5}, "fold"),
        ({"scheduledAt": "2026-12-01T08:00:00Z", "fold": None}, "fold"),
        ({"scheduledAt": "2026-12-01T08:00:00Z", "fold": True}, "fold"),
        ({"scheduledAt": "2026-12-01T08:00:00Z", "when": "now"}, "when"),
    ],
    ids=str,
)
def test_invalid_schedule_names_its_field(alice: User, body: dict[str, Any], field: str):
    problem = refused(alice.post(f"/api/posts/{alice.draft()['id']}/schedule", json=body), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == [field]
