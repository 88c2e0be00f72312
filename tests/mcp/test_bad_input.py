"""Bad input and bad answers: each is a tool error with its cure, and nothing is changed in Punctual."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.servers import http_server, says
from tests.mcp.agents import Agent, agent
from tests.mcp.conftest import BERLIN, POST, POST_ID, TOKEN, Punctual, Scripted


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("get_post", {"post_id": "../scheduler/run"}, "post_id"),
        ("get_post", {"post_id": f"{POST_ID}/timeline?limit=1"}, "post_id"),
        ("get_post", {"post_id": f"{POST_ID}\n"}, "post_id"),
        ("get_post", {"post_id": None}, "post_id"),
        ("get_post", {}, "post_id"),
        ("next_free_times", {"social_account_id": "x/../../keys"}, "social_account_id"),
        ("list_posts", {"limit": 51}, "limit"),
        ("list_posts", {"status": ["gone"]}, "status"),
        ("list_posts", {"text": "x" * 201}, "text"),
        ("list_posts", {"user_id": "mallory"}, "user_id"),
        ("create_post", {"content": ""}, "content"),
        ("create_post", {"content": "x" * 100_001}, "content"),
        ("create_post", {"content": "x", "platform": "myspace"}, "platform"),
        ("create_post", {"content": "x", "media": [{"url": "https://a.example/a.jpg", "type": "exe"}]}, "media"),
        ("create_post", {"content": "x", "confirmed": True}, "confirmed"),
        ("create_post", {"content": "x", "time_zone": BERLIN}, "scheduled_at"),
        ("create_post", {"content": "x", "request_id": "two\nlines"}, "request_id"),
        ("publish_post_now", {"post_id": POST_ID, "confirm": "true"}, "confirm"),
        ("publish_post_now", {"post_id": POST_ID, "confirm": 1}, "confirm"),
        ("publish_post_now", {"post_id": POST_ID, "confirm": True}, "HTTP 404"),
        ("delete_everything", {}, "delete_everything"),
    ],
)
def test_bad_argument_is_refused_by_its_name(shared: tuple[Agent, Punctual], tool: str, arguments: Any, says: str):
    connected, punctual = shared
    assert says in connected.refused(tool, **arguments)
    assert punctual.statuses() == ["draft"]


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ({}, "one of scheduled_at and slot"),
        ({"scheduled_at": "2099-01-01T09:00:00Z", "slot": "next"}, "one of scheduled_at and slot"),
        ({"scheduled_at": "tomorrow"}, "no date and time"),
        ({"scheduled_at": "2027-06-01T09:00:00"}, "time_zone"),
        ({"scheduled_at": "2027-06-01T09:00:00", "time_zone": "Mars/Base"}, "IANA"),
        ({"scheduled_at": "2027-06-01T09:00:00", "time_zone": "../../etc/passwd"}, "IANA"),
        ({"scheduled_at": "2027-03-28T02:30:00", "time_zone": BERLIN}, "clocks skip it"),
        ({"scheduled_at": "2020-01-01T09:00:00Z"}, "past"),
        ({"scheduled_at": "0001-01-01T00:00:00", "time_zone": BERLIN}, "calendar"),
    ],
)
def test_bad_time_is_refused_already_without_confirmation(shared: tuple[Agent, Punctual], when: Any, says: str):
    connected, punctual = shared
    [post] = punctual.user.get("/api/posts").get_json()["data"]
    text = connected.refused("schedule_post", post_id=post["id"], **when)
    assert says in text
    assert punctual.user.read(post["id"])["status"] == "draft"


@pytest.mark.parametrize("by", ["2 hours", "PT", "P", "-P", "PT0S", "P9999999D", "PT2H;", "+PT2H"])
def test_bad_duration_is_refused(scripted: Scripted, by: str):
    server, connected = scripted
    server.answer = says(200, POST | {"status": "scheduled", "scheduledAt": "2099-06-01T09:00:00.000Z"})
    assert "by is no duration" in connected.refused("move_post", post_id=POST_ID, by=by)


def test_move_out_of_the_calendar_or_into_the_past_is_refused(scripted: Scripted):
    server, connected = scripted
    for year, text in (("2020", "past"), ("9999", "calendar")):
        server.answer = says(200, POST | {"status": "scheduled", "scheduledAt": f"{year}-12-31T09:00:00.000Z"})
        assert text in connected.refused("move_post", post_id=POST_ID, by="P1D")


def test_draft_cannot_be_moved(shared: tuple[Agent, Punctual]):
    connected, punctual = shared
    [post] = punctual.user.get("/api/posts").get_json()["data"]
    assert "has no date" in connected.refused("move_post", post_id=post["id"], by="PT2H")


def test_punctual_that_is_down_is_named_with_the_cure():
    with http_server() as gone:
        url = gone.url
    with agent(url, TOKEN) as connected:
        for tool, arguments in (("list_posts", {}), ("create_post", {"content": "x"})):
            text = connected.refused(tool, **arguments)
            assert "cannot be reached" in text
            assert "Nothing was done" in text


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (500, {}, b"<html>boom</html>", "HTTP 500"),
        (200, {}, b"<html>another service</html>", "PUNCTUAL_URL"),
        (200, {}, b"[" * 100_000, "PUNCTUAL_URL"),
        (200, {}, b"[]", "PUNCTUAL_URL"),
        (302, {"Location": "http://127.0.0.1:1/"}, b"{}", "HTTP 302"),
        (200, {}, b'{"data": "' + b"x" * 2_000_001 + b'"}', "larger than"),
        (429, {"Retry-After": "7"}, b'{"detail": "Too many.", "code": "rate_limited"}', "Too many."),
        (
            422,
            {},
            f'{{"detail": "Bad {TOKEN}", "errors": [1, {{"field": "a"}}]}}'.encode(),
            "Bad (hidden)",
        ),
        (401, {}, b'{"detail": {"a": 1}, "errors": {"b": 2}}', "PUNCTUAL_TOKEN"),
    ],
)
def test_any_answer_of_punctual_becomes_a_tool_error_without_the_token(
    scripted: Scripted, status: int, headers: dict[str, str], body: bytes, expected: str
):
    server, connected = scripted
    server.answer = lambda _: (status, headers, body)
    text = connected.refused("list_posts")
    assert len(server.seen) == 1  # no redirect is followed
    assert expected in text
    assert TOKEN not in text


def test_every_post_carries_a_key_that_is_equal_for_equal_orders_and_differs_for_others(scripted: Scripted):
    server, connected = scripted
    server.answer = says(200, POST)
    for request_id in ("one", "one", "two"):
        connected.call("create_post", content="x", request_id=request_id)
        connected.call("publish_post_now", post_id=POST_ID, request_id=request_id, confirm=True)
    keys = [(seen.path, seen.headers["idempotency-key"]) for seen in server.seen if seen.method == "POST"]
    assert len(keys) == 6
    assert keys[0:2] == keys[2:4]
    assert len(set(keys)) == 4
    assert {seen.headers["authorization"] for seen in server.seen} == {f"Bearer {TOKEN}"}


def test_order_without_confirmation_sends_no_post(scripted: Scripted):
    server, connected = scripted
    server.answer = says(200, POST | {"status": "failed", "scheduledAt": "2099-06-01T09:00:00.000Z"})
    for tool in ("schedule_post", "move_post", "publish_post_now", "retry_post"):
        more = {"schedule_post": {"scheduled_at": "2099-06-01T09:00:00Z"}, "move_post": {"by": "PT1H"}}.get(tool, {})
        assert connected.call(tool, post_id=POST_ID, **more)["done"] is False
    assert connected.call("create_post", content="x", scheduled_at="2099-06-01T09:00:00Z")["done"] is False
    assert {seen.method for seen in server.seen} == {"GET"}


def test_lost_answer_to_an_order_says_that_it_may_be_repeated(scripted: Scripted):
    server, connected = scripted
    whole, lost = says(200, POST), (200, {"Content-Length": "1000", "Connection": "close"}, b"{")
    server.answer = lambda seen: whole(seen) if seen.method == "GET" else lost
    text = connected.refused("publish_post_now", post_id=POST_ID, confirm=True)
    assert "Call the tool again with the same arguments" in text


def test_order_that_was_carried_out_is_no_error_when_the_post_cannot_be_read_afterwards(scripted: Scripted):
    server, connected = scripted
    server.answer = lambda seen: says(201 if seen.method == "POST" else 503, POST)(seen)
    done = connected.call("create_post", content="Done.")
    assert (done["done"], done["postId"]) == (True, POST_ID)
    assert "get_post" in done["note"]
