"""Queue slots: set, read and preview them, and schedule for the next free one."""

import datetime as dt
from typing import Any

import pytest

from tests.web.conftest import MakeSite
from tests.web.site import HOUR, MINUTE, NOW, MessageServer, Site, User, json_of, refused, wire_form

DAY = dt.timedelta(days=1)  # NOW is Monday 2026-11-02, 08:00 UTC
MONDAY, TUESDAY = {"day": "mon", "at": "09:00:00"}, {"day": "tue", "at": "09:00:00"}
FIRST, SECOND, THIRD = NOW + HOUR, NOW + DAY + HOUR, NOW + 7 * DAY + HOUR
NEXT = {"slot": "next"}


def slots(user: User, account: str, *times: dict[str, str], zone: str = "UTC") -> dict[str, Any]:
    body = {"timeZone": zone, "times": list(times)}
    return json_of(user.put(f"/api/social-accounts/{account}/slots", json=body))


def queued(user: User, *times: dict[str, str], **of_account: Any) -> str:
    """Connect an account with these slots, by default Monday and Tuesday at nine. Return its id."""
    account = str(user.account(**of_account)["id"])
    slots(user, account, *(times or (MONDAY, TUESDAY)))
    return account


def preview(user: User, account: str, count: int | None = None) -> list[str]:
    query = "" if count is None else f"?count={count}"
    return [
        one["scheduledAt"] for one in json_of(user.get(f"/api/social-accounts/{account}/slots/next{query}"))["data"]
    ]


def take(user: User, post: str | None = None) -> dict[str, Any]:
    """Schedule a new post, or this one, for the next free slot."""
    return json_of(user.post(f"/api/posts/{post or user.draft()['id']}/schedule", json=NEXT))


def test_slots_are_kept_sorted_with_seconds(alice: User):
    account = str(alice.account()["id"])
    assert json_of(alice.get(f"/api/social-accounts/{account}/slots")) == {"timeZone": None, "times": []}
    put = slots(alice, account, TUESDAY, {"day": "mon", "at": "17:30"}, MONDAY, zone="Europe/Berlin")
    times = [MONDAY, {"day": "mon", "at": "17:30:00"}, TUESDAY]
    assert put == {"timeZone": "Europe/Berlin", "times": times}
    assert json_of(alice.get(f"/api/social-accounts/{account}/slots")) == put
    assert slots(alice, account, MONDAY)["times"] == [MONDAY]
    assert slots(alice, account) == {"timeZone": "UTC", "times": []}


def test_next_slot_schedules_in_the_zone_of_the_queue(site: Site, alice: User, qstash: MessageServer):
    account = str(alice.account()["id"])
    slots(alice, account, MONDAY, zone="America/New_York")
    post = alice.draft()
    answer = take(alice, post["id"])
    due = dt.datetime(2026, 11, 2, 14, 0, tzinfo=dt.UTC)
    assert answer == {
        "status": "scheduled",
        "postId": post["id"],
        "scheduledAt": wire_form(due),
        "timeZone": "America/New_York",
        "localTime": "2026-11-02T09:00:00.000-05:00",
        "messageId": "msg_1",
        "armed": True,
        "warnings": [],
    }
    stored = alice.read(post["id"])
    assert (stored["scheduledAt"], stored["socialAccountId"]) == (wire_form(due), account)
    site.clock.at = due
    assert json_of(site.deliver(stored)) == {"status": "dispatched"}


def test_each_post_takes_another_slot_and_hand_made_times_take_theirs(alice: User):
    account = queued(alice)
    alice.schedule(alice.draft()["id"], SECOND)
    assert [take(alice)["scheduledAt"] for _ in range(2)] == [wire_form(FIRST), wire_form(THIRD)]
    assert preview(alice, account, 2) == [wire_form(SECOND + 7 * DAY), wire_form(THIRD + 7 * DAY)]


def test_slot_is_free_again_after_unschedule_cancel_and_reschedule(alice: User):
    account = queued(alice)
    ids = [take(alice)["postId"] for _ in range(3)]
    assert preview(alice, account, 1) == [wire_form(SECOND + 7 * DAY)]
    json_of(alice.post(f"/api/posts/{ids[0]}/unschedule"))
    assert alice.delete(f"/api/posts/{ids[1]}").status_code == 204
    alice.schedule(ids[2], NOW + 2 * HOUR)
    assert preview(alice, account, 3) == [wire_form(at) for at in (FIRST, SECOND, THIRD)]


def test_post_keeps_its_slot_and_takes_an_earlier_one_that_became_free(alice: User):
    queued(alice)
    first, second = take(alice), take(alice)
    assert take(alice, second["postId"])["scheduledAt"] == wire_form(SECOND)
    json_of(alice.post(f"/api/posts/{first['postId']}/unschedule"))
    assert take(alice, second["postId"])["scheduledAt"] == wire_form(FIRST)


def test_published_post_keeps_its_slot_taken(site: Site, alice: User):
    account = queued(alice)
    post = take(alice)["postId"]
    report = {"postId": post, "status": "published", "linkedinPostUrn": "urn:li:share:1"}
    site.clock.at = FIRST
    json_of(site.deliver(alice.read(post)))
    json_of(site.n8n.post("/api/webhooks/publish-status", json=report))
    site.clock.at = FIRST - MINUTE  # a clock put back
    assert preview(alice, account, 1) == [wire_form(SECOND)]


def test_slots_of_other_accounts_are_free(alice: User):
    linkedin, facebook = queued(alice), queued(alice, platform="facebook", externalId="11")
    assert take(alice)["scheduledAt"] == wire_form(FIRST)
    assert preview(alice, facebook, 1) == [wire_form(FIRST)]
    assert preview(alice, linkedin, 1) == [wire_form(SECOND)]


def test_changed_slots_leave_scheduled_posts_alone(alice: User):
    account = queued(alice)
    post = take(alice)["postId"]
    slots(alice, account, {"day": "mon", "at": "10:00:00"})
    assert alice.read(post)["scheduledAt"] == wire_form(FIRST)
    assert preview(alice, account, 1) == [wire_form(NOW + 2 * HOUR)]


def test_create_with_a_slot_is_one_call(alice: User):
    queued(alice)
    made = json_of(alice.post("/api/posts", json={"content": "x", **NEXT}), 201)
    assert (made["status"], made["scheduledAt"], made["timeZone"]) == ("scheduled", wire_form(FIRST), "UTC")
    assert made["localTime"] == "2026-11-02T09:00:00.000+00:00"


def test_account_without_slots_is_refused_with_the_cure_and_no_post_is_left(site: Site, alice: User):
    account = str(alice.account()["id"])
    body = refused(alice.post("/api/posts", json={"content": "x", **NEXT}), 422, "no_slots")
    assert f"PUT /api/social-accounts/{account}/slots" in body["detail"]
    assert [error["field"] for error in body["errors"]] == ["slot"]
    assert site.rows("SELECT id FROM posts") == []
    post = alice.draft()
    refused(alice.post(f"/api/posts/{post['id']}/schedule", json=NEXT), 422, "no_slots")
    assert preview(alice, account) == []
    slots(alice, account)  # set, and empty
    refused(alice.post(f"/api/posts/{post['id']}/schedule", json=NEXT), 422, "no_slots")


def test_queue_full_up_to_the_horizon_is_refused(database_url: str, make_site: MakeSite):
    ann = make_site(database_url, max_schedule_days=8.0).user("ann")
    account = queued(ann)
    assert len(preview(ann, account, 100)) == 3
    for _ in range(3):
        take(ann)
    post = ann.draft()
    body = refused(ann.post(f"/api/posts/{post['id']}/schedule", json=NEXT), 422, "no_free_slot")
    assert "next 8 days" in body["detail"]
    assert ann.read(post["id"])["status"] == "draft"


def test_next_slot_beyond_many_taken_ones_is_found(site: Site, alice: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.accounts.slots.SLOTS_AT_ONCE", 2)
    queued(alice)
    found = [take(alice)["scheduledAt"] for _ in range(7)]
    assert found == [wire_form(start + week * 7 * DAY) for week in range(4) for start in (FIRST, SECOND)][:7]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "scheduledAt"),
        ({"slot": None}, "scheduledAt"),
        ({"slot": "first"}, "slot"),
        ({"slot": 1}, "slot"),
        ({"slot": "next", "scheduledAt": wire_form(FIRST)}, "slot"),
        ({"slot": "next", "timeZone": "UTC"}, "slot"),
        ({"slot": "next", "fold": 1}, "slot"),
    ],
)
def test_slot_and_time_together_or_neither_is_refused(small_site: Site, body: dict[str, Any], field: str):
    alice = small_site.user("alice")
    queued(alice)
    post = alice.draft()
    problem = refused(alice.post(f"/api/posts/{post['id']}/schedule", json=body), 422, "invalid_fields")
    assert [error["field"] for error in problem["errors"]] == [field]
    if field == "slot":
        refused(alice.post("/api/posts", json={"content": "x"} | body), 422, "invalid_fields")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"times": []}, "timeZone", "required"),
        ({"timeZone": "UTC"}, "times", "required"),
        ({"timeZone": "Mars/Olympus", "times": []}, "timeZone", "unknown_time_zone"),
        ({"timeZone": "", "times": []}, "timeZone", "too_short"),
        ({"timeZone": "x" * 65, "times": []}, "timeZone", "too_long"),
        ({"timeZone": "UTC", "times": [{"day": "monday", "at": "09:00:00"}]}, "times.0.day", "invalid"),
        ({"timeZone": "UTC", "times": [{"day": "mon", "at": "24:00:00"}]}, "times.0.at", "invalid"),
        ({"timeZone": "UTC", "times": [{"day": "mon", "at": "9:00"}]}, "times.0.at", "invalid"),
        ({"timeZone": "UTC", "times": [{"day": "mon", "at": "09:00:00.5"}]}, "times.0.at", "too_long"),
        ({"timeZone": "UTC", "times": [{"day": "mon", "at": "09:00:0٣"}]}, "times.0.at", "invalid"),
        ({"timeZone": "UTC", "times": [{"day": "mon", "at": "09:00\n"}]}, "times.0.at", "invalid"),
        ({"timeZone": "UTC", "times": [{"day": "mon"}]}, "times.0.at", "required"),
        ({"timeZone": "UTC", "times": ["mon 09:00"]}, "times.0", "invalid"),
        ({"timeZone": "UTC", "times": [MONDAY, TUESDAY, MONDAY]}, "times.2", "repeated_time"),
        ({"timeZone": "UTC", "times": [MONDAY] * 169}, "times", "too_long"),
    ],
)
def test_bad_slots_name_their_field_and_change_nothing(small_site: Site, body: dict[str, Any], field: str, code: str):
    alice = small_site.user("alice")
    account = queued(alice)
    answer = alice.put(f"/api/social-accounts/{account}/slots", json=body)
    assert answer.status_code == 422
    assert [(e["field"], e["code"]) for e in answer.get_json(force=True)["errors"]] == [(field, code)]
    assert json_of(alice.get(f"/api/social-accounts/{account}/slots"))["times"] == [MONDAY, TUESDAY]


def test_a_slot_for_every_hour_of_the_week_is_the_most(alice: User):
    account = str(alice.account()["id"])
    hourly = [
        {"day": day, "at": f"{hour:02}:00:00"}
        for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        for hour in range(24)
    ]
    assert slots(alice, account, *hourly)["times"] == hourly
    assert preview(alice, account, 100) == [wire_form(NOW + (n + 1) * HOUR) for n in range(100)]


@pytest.mark.parametrize("count", ["0", "101", "-1", "x", "1.5"])
def test_preview_of_a_wrong_count_is_refused(small_site: Site, count: str):
    alice = small_site.user("alice")
    account = queued(alice)
    refused(alice.get(f"/api/social-accounts/{account}/slots/next?count={count}"), 422, "invalid_fields")
    assert len(preview(alice, account)) == 10


def test_gap_and_overlap_are_as_documented(site: Site, alice: User):
    account = str(alice.account()["id"])
    slots(alice, account, {"day": "sun", "at": "02:30:00"}, zone="Europe/Berlin")
    for at, expected in (
        ("2026-03-28", "2026-03-29T03:30:00.000+02:00"),
        ("2026-10-24", "2026-10-25T02:30:00.000+02:00"),
    ):
        user = site.user("alice", at=dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC))
        assert take(user)["localTime"] == expected


def test_slots_of_a_company_follow_its_roles(alice: User, bob: User, site: Site):
    company = alice.company(bob="viewer", eve="editor")
    account = str(alice.account(companyId=company)["id"])
    path, body = f"/api/social-accounts/{account}/slots", {"timeZone": "UTC", "times": [MONDAY]}
    eve, stranger = site.user("eve"), site.user("mallory")
    refused(bob.put(path, json=body), 403, "role_insufficient")
    json_of(eve.put(path, json=body))
    assert json_of(bob.get(path))["times"] == [MONDAY]
    assert len(preview(bob, account)) == 10
    for answer in (stranger.get(path), stranger.put(path, json=body), stranger.get(f"{path}/next")):
        refused(answer, 404, "account_not_found")
    refused(alice.get("/api/social-accounts/x/slots"), 404, "not_found")


def test_change_of_slots_is_in_the_audit_trail(alice: User):
    company = alice.company()
    account = queued(alice, companyId=company)
    entry = json_of(alice.get(f"/api/companies/{company}/audit"))["data"][0]
    assert (entry["action"], entry["target"]) == ("account.changed", f"account:{account}")
    assert entry["fields"] == ["slots", "timeZone"]


def test_slots_end_with_their_account(site: Site, alice: User):
    account = queued(alice)
    assert alice.delete(f"/api/social-accounts/{account}").status_code == 204
    assert site.rows("SELECT * FROM account_queues") == []
    refused(alice.get(f"/api/social-accounts/{account}/slots"), 404, "account_not_found")


def test_repeated_call_with_an_idempotency_key_takes_one_slot(alice: User):
    account = queued(alice)
    body, headers = {"content": "x", **NEXT}, {"Idempotency-Key": "k"}
    answers = [json_of(alice.post("/api/posts", json=body, headers=headers), 201) for _ in range(2)]
    assert answers[0] == answers[1]
    assert preview(alice, account, 1) == [wire_form(SECOND)]


def test_failed_post_takes_the_next_slot(site: Site, alice: User):
    queued(alice)
    post = take(alice)["postId"]
    site.clock.at = FIRST
    json_of(site.deliver(alice.read(post)))
    report = {"postId": post, "status": "failed", "httpStatus": 400, "errorCode": "BAD", "errorMessage": "no"}
    json_of(site.n8n.post("/api/webhooks/publish-status", json=report))
    assert alice.read(post)["status"] == "failed"
    assert take(site.user("alice"), post)["scheduledAt"] == wire_form(SECOND)
