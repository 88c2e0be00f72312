"""Rows of a bulk call that take the next free slot of their account."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.site import HOUR, User, json_of, wire_form
from tests.web.test_bulk import DUE, bulk, codes, create

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.fixture
def slots(alice: User) -> list[str]:
    """Give an account of alice a slot each day. Returns the next ones."""
    account = alice.account()["id"]
    body = {"timeZone": "Europe/Berlin", "times": [{"day": day, "at": "09:00:00"} for day in DAYS]}
    json_of(alice.put(f"/api/social-accounts/{account}/slots", json=body))
    found = json_of(alice.get(f"/api/social-accounts/{account}/slots/next?count=9"))["data"]
    return [one["scheduledAt"] for one in found]


def times(answer: dict[str, Any]) -> list[str | None]:
    return [result.get("scheduledAt") for result in answer["results"]]


def test_each_row_takes_a_slot_of_its_own_and_none_that_a_row_before_has_by_hand(alice: User, slots: list[str]):
    drafts = [alice.draft()["id"] for _ in range(2)]
    rows = [
        create(slot="next"),
        {"op": "schedule", "postId": drafts[0], "scheduledAt": slots[1]},
        {"op": "schedule", "postId": drafts[1], "slot": "next"},
        create(slot="next"),
    ]
    dry = bulk(alice, rows, dryRun=True)
    answer = bulk(alice, rows)
    assert times(answer) == times(dry) == [slots[0], slots[1], slots[2], slots[3]]
    assert {alice.read(result["postId"])["timeZone"] for result in answer["results"][2:]} == {"Europe/Berlin"}
    assert times(bulk(alice, [create(slot="next")], atomic=True)) == [slots[4]]


def test_repeated_row_keeps_its_slot_or_takes_an_earlier_free_one(alice: User, slots: list[str]):
    answer = bulk(alice, [create(slot="next"), create(slot="next")])
    first, second = (result["postId"] for result in answer["results"])
    again = [{"op": "schedule", "postId": post_id, "slot": "next"} for post_id in (first, second)]
    assert times(bulk(alice, again)) == slots[:2]
    bulk(alice, [{"op": "unschedule", "postId": first}])
    assert times(bulk(alice, again[1:])) == slots[:1]


def test_refused_rows_take_no_slot_and_say_why(alice: User, slots: list[str]):
    rows = [
        create(slot="next", content=""),
        create(slot="next", scheduledAt=wire_form(DUE)),
        create(slot="next", platform="instagram", media=[{"url": "https://a.example/1.jpg", "type": "image"}]),
        create(slot="last"),
        create(slot="next"),
    ]
    answer = bulk(alice, rows)
    assert [result["status"] for result in answer["results"]] == ["refused"] * 4 + ["done"]
    assert None not in codes(answer)[:4]
    assert times(answer)[4] == slots[0]


def test_account_without_slots_refuses_the_row_and_not_its_neighbour(alice: User):
    alice.account()
    answer = bulk(alice, [create(slot="next"), create(scheduledAt=wire_form(DUE + HOUR))])
    assert codes(answer) == ["no_slots", None]


def test_csv_names_slots_in_a_column(alice: User, slots: list[str]):
    text = "content,slot,scheduledAt\nOne,next,\nTwo,next,\nThree,,2026-12-24T09:00:00Z\n"
    answer = json_of(alice.post("/api/posts/bulk", data=text.encode(), content_type="text/csv"))
    assert times(answer)[:2] == slots[:2]
    assert answer["done"] == 3
