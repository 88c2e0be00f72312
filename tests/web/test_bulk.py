"""Bulk calls: rows done and refused, all or none, dry runs, and long calls as jobs."""

import datetime as dt
from typing import Any

from tests.web.site import HOUR, NOW, Site, User, json_of, wire_form, MessageServer

DUE = NOW + HOUR


def bulk(user: User, operations: list[dict[str, Any]], status: int = 200, **fields: Any) -> Any:
    return json_of(user.post("/api/posts/bulk", json={"operations": operations, **fields}), status)


def create(**fields: Any) -> dict[str, Any]:
    return {"op": "create", "content": "Hello", **fields}


def test_a_bulk_call_creates_schedules_and_arms(site: Site, alice: User, qstash: MessageServer):
    alice.account()
    rows = [create(scheduledAt=wire_form(DUE), content=f"Post {number}") for number in range(3)]
    answer = bulk(alice, [*rows, create()])
    assert (answer["done"], answer["refused"]) == (4, 0), answer
    posts = [alice.read(result["postId"]) for result in answer["results"]]
    assert [post["status"] for post in posts] == ["scheduled"] * 3 + ["draft"]
    assert [post["armed"] for post in posts] == [True] * 3 + [False]
    assert [post["content"] for post in posts[:3]] == ["Post 0", "Post 1", "Post 2"]
    reasons = [line["reason"] for line in alice.timeline(posts[0]["id"])["transitions"]]
    assert reasons == ["created", "scheduled"]
    site.clock.at = DUE
    assert json_of(site.deliver(posts[0])) == {"status": "dispatched"}
