"""The bounds of bulk calls: quotas, alarms, statements, repeated requests."""

from typing import Any

import sqlalchemy as sa

from tests.web.site import HOUR, MINUTE, NOW, MessageServer, Site, User, json_of, refused, wire_form
from tests.web.test_bulk import bulk, codes, create, numbers

DUE = NOW + HOUR


def test_rows_while_the_message_service_is_down_are_done_unarmed(alice: User, qstash: MessageServer):
    alice.account()
    qstash.down = True
    [result] = bulk(alice, [create(scheduledAt=wire_form(DUE))])["results"]
    assert (result["status"], [one["code"] for one in result["warnings"]]) == ("done", ["not_armed"])
    assert alice.read(result["postId"])["armed"] is False


def test_rows_above_the_quota_of_posts_are_refused(make_site: Any, database_url: str):
    alice = make_site(database_url, quota_posts=5).user("alice")
    alice.draft()
    answer = bulk(alice, [create()] * 6)
    assert (answer["done"], codes(answer)[4:]) == (4, ["quota_exceeded"] * 2)
    [error] = answer["results"][5]["errors"]
    assert (error["limit"], error["actual"]) == (5, 6)


def test_rows_above_the_quota_of_draft_bytes_are_refused(make_site: Any, database_url: str):
    alice = make_site(database_url, quota_draft_bytes=1_000).user("alice")
    answer = bulk(alice, [create(content="x" * 600)] * 2)
    assert codes(answer) == [None, "quota_exceeded"]


def test_each_row_counts_in_the_budget_of_alarms(make_site: Any, database_url: str):
    alice = make_site(database_url, armings_per_user_hour=5).user("alice")
    alice.account()
    answer = bulk(alice, [create(scheduledAt=wire_form(DUE))] * 8)
    assert answer["done"] == 8
    warned = [[one["code"] for one in result.get("warnings", [])] for result in answer["results"]]
    assert sorted(warned) == [[]] * 5 + [["not_armed"]] * 3
    soon = wire_form(NOW + 5 * MINUTE)
    later = bulk(alice, [create(scheduledAt=soon)] * 6)
    assert sum("warnings" not in result for result in later["results"]) == 5  # the reserve for posts due soon


def test_posts_beyond_the_horizon_wait_for_their_alarm(alice: User):
    alice.account()
    [result] = bulk(alice, [create(scheduledAt="2027-06-01T09:00:00Z")])["results"]
    assert [one["code"] for one in result["warnings"]] == ["parked"]


def test_a_thousand_rows_take_few_statements_and_ten_batches(site: Site, alice: User, qstash: MessageServer):

    account = alice.account()
    rows = [
        create(content=f"Post {n}", scheduledAt=wire_form(DUE), socialAccountId=account["id"]) for n in range(1_000)
    ]
    qstash.server.seen.clear()
    engine, statements = site.services.deps.db.engine, []
    note = lambda *args: statements.append(args[2])  # noqa: E731
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        answer = bulk(alice, rows)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert answer["done"] == 1_000
    assert [len(seen.json()) for seen in qstash.server.seen] == [100] * 10
    written = [one for one in statements if not one.startswith(("BEGIN", "COMMIT", "SET"))]
    assert len(written) <= 12 * 10, len(written)
    assert site.rows("SELECT count(*) FROM posts WHERE message_id IS NOT NULL") == [(1_000,)]


def test_the_key_of_a_call_is_for_all_its_rows(site: Site, alice: User):
    alice.account()
    rows = {"operations": [create(scheduledAt=wire_form(DUE))] * 3}
    key = {"Idempotency-Key": "month-1"}
    first = alice.post("/api/posts/bulk", json=rows, headers=key)
    again = alice.post("/api/posts/bulk", json=rows, headers=key)
    assert (again.headers["Idempotency-Replayed"], again.get_json()) == ("true", json_of(first))
    assert numbers(site) == (3, 6)
    other = {"operations": [create()]}
    refused(alice.post("/api/posts/bulk", json=other, headers=key), 422, "idempotency_key_reused")


def test_a_stranger_gets_no_bulk(site: Site):
    refused(site.anonymous.post("/api/posts/bulk", json={"operations": [create()]}), 401, "unauthorized")
