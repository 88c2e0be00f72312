"""Bulk calls: rows done and refused, all or none, dry runs, and who may do what."""

from typing import Any

import pytest

from tests.web.site import HOUR, MINUTE, NOW, MessageServer, Site, User, json_of, wire_form

DUE = NOW + HOUR
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def bulk(user: User, operations: list[Any], status: int = 200, **fields: Any) -> Any:
    return json_of(user.post("/api/posts/bulk", json={"operations": operations, **fields}), status)


def create(**fields: Any) -> dict[str, Any]:
    return {"op": "create", "content": "Hello", **fields}


def codes(answer: dict[str, Any]) -> list[str | None]:
    return [result.get("code") for result in answer["results"]]


def reasons(user: User, post_id: str) -> list[str]:
    return [line["reason"] for line in user.timeline(post_id)["transitions"]]


def numbers(site: Site) -> tuple[int, int]:
    [(posts, transitions)] = site.rows("SELECT (SELECT count(*) FROM posts), (SELECT count(*) FROM transitions)")
    return posts, transitions


def test_a_bulk_call_creates_schedules_and_arms(site: Site, alice: User):
    alice.account()
    rows = [create(scheduledAt=wire_form(DUE), content=f"Post {number}") for number in range(3)]
    answer = bulk(alice, [*rows, create()])
    assert (answer["done"], answer["refused"]) == (4, 0), answer
    posts = [alice.read(result["postId"]) for result in answer["results"]]
    assert [post["status"] for post in posts] == ["scheduled"] * 3 + ["draft"]
    assert [post["armed"] for post in posts] == [True] * 3 + [False]
    assert [post["content"] for post in posts[:3]] == ["Post 0", "Post 1", "Post 2"]
    assert reasons(alice, posts[0]["id"]) == ["created", "scheduled"]
    site.clock.at = DUE
    assert json_of(site.deliver(posts[0])) == {"status": "dispatched"}


def test_a_row_equals_the_post_of_the_single_call(alice: User):
    alice.account()
    fields = {"content": "Ä\n🎉", "scheduledAt": "2026-12-24T09:00:00", "timeZone": "Europe/Berlin"}
    single = json_of(alice.post("/api/posts", json=fields), 201)
    [result] = bulk(alice, [{"op": "create", **fields}])["results"]
    post = alice.read(result["postId"])
    own = ("id", "messageId", "createdAt", "updatedAt")
    left = {name for name in single if name not in (*own, "warnings", "localTime")}
    assert {name: post[name] for name in left} == {name: single[name] for name in left}
    assert result["scheduledAt"] == single["scheduledAt"]


def test_each_kind_of_row_is_done(site: Site, alice: User, qstash: MessageServer):
    alice.account()
    drafts = [alice.draft(content=f"Draft {number}")["id"] for number in range(5)]
    for post_id in drafts[1:4]:
        alice.schedule(post_id, DUE)
    answer = bulk(
        alice,
        [
            {"op": "schedule", "postId": drafts[0], "scheduledAt": wire_form(DUE)},
            {"op": "move", "postId": drafts[1], "by": "PT2H"},
            {"op": "unschedule", "postId": drafts[2]},
            {"op": "cancel", "postId": drafts[3]},
            {"op": "cancel", "postId": drafts[4]},
        ],
    )
    assert (answer["done"], answer["refused"]) == (5, 0), answer
    posts = [alice.read(post_id) for post_id in drafts]
    assert [post["status"] for post in posts] == ["scheduled", "scheduled", "draft", "cancelled", "cancelled"]
    assert [post["scheduledAt"] for post in posts[:2]] == [wire_form(DUE), wire_form(DUE + 2 * HOUR)]
    assert [post["armed"] for post in posts[:2]] == [True, True]
    assert [reasons(alice, post_id)[-1] for post_id in drafts] == [
        *("scheduled", "rescheduled", "unscheduled", "cancelled", "cancelled")
    ]
    deleted = [seen.json()["messageIds"] for seen in qstash.server.seen if seen.method == "DELETE"]
    assert deleted == [["msg_1", "msg_2", "msg_3"]]


def test_a_retry_row_sends_a_failed_post_again(site: Site, alice: User):
    post = site.sent(alice)
    json_of(
        site.n8n.post(
            "/api/webhooks/publish-status", json={"postId": post["id"], "status": "failed", "httpStatus": 400}
        )
    )
    answer = bulk(alice, [{"op": "retry", "postId": post["id"]}])
    assert answer["done"] == 1, answer
    again = alice.read(post["id"])
    assert (again["status"], again["nextAttemptAt"], again["retryCount"]) == ("scheduled", wire_form(site.clock.at), 0)
    assert reasons(alice, post["id"])[-1] == "retried_by_hand"
    assert json_of(site.deliver(again)) == {"status": "dispatched"}


def test_a_retry_that_may_make_a_copy_needs_force(site: Site, alice: User):
    post = site.sent(alice, platform="facebook")
    site.clock.at += 20 * MINUTE
    [result] = bulk(alice, [{"op": "retry", "postId": post["id"]}])["results"]
    assert (result["status"], result["code"]) == ("refused", "force_required")
    assert bulk(alice, [{"op": "retry", "postId": post["id"], "force": True}])["done"] == 1
    assert reasons(alice, post["id"])[-1] == "retried_by_force"
    assert [one["outcome"] for one in alice.timeline(post["id"])["attempts"]] == ["unknown"]


def test_good_rows_are_done_beside_refused_ones(alice: User):
    alice.account()
    answer = bulk(
        alice,
        [
            create(),
            create(content=7),
            create(scheduledAt="2026-11-02T07:00:00Z"),
            create(scheduledAt="2027-03-28T02:30:00", timeZone="Europe/Berlin"),
            create(content="x" * 3_001, scheduledAt=wire_form(DUE)),
            {"op": "explode"},
            "text",
            create(scheduledAt=wire_form(DUE), platform="facebook"),
        ],
    )
    assert (answer["done"], answer["refused"]) == (1, 7)
    assert codes(answer) == [
        *(None, "invalid_fields", "schedule_in_past", "nonexistent_local_time", "platform_limits", "unknown_op"),
        *("invalid", "account_missing"),
    ]
    assert [result["row"] for result in answer["results"]] == list(range(1, 9))
    [error] = answer["results"][4]["errors"]
    assert (error["field"], error["limit"], error["actual"]) == ("content", 3_000, 3_001)


def test_each_row_has_its_own_zone(alice: User):
    alice.account()
    clock = "2026-12-01T09:00:00"
    zones = ["Europe/Berlin", "America/New_York", "Asia/Tokyo"]
    answer = bulk(alice, [create(scheduledAt=clock, timeZone=zone) for zone in zones])
    assert [result["scheduledAt"] for result in answer["results"]] == [
        *("2026-12-01T08:00:00.000Z", "2026-12-01T14:00:00.000Z", "2026-12-01T00:00:00.000Z")
    ]


def test_a_post_of_another_tenant_is_unknown_and_the_others_are_done(site: Site, alice: User, bob: User):
    alice.account()
    theirs, own = bob.draft()["id"], alice.draft()["id"]
    rows = [{"op": "schedule", "postId": one, "scheduledAt": wire_form(DUE)} for one in (theirs, UNKNOWN, own)]
    answer = bulk(alice, rows)
    assert codes(answer) == ["post_not_found", "post_not_found", None]
    first, second = ({k: v for k, v in one.items() if k not in ("row", "postId")} for one in answer["results"][:2])
    assert first == second
    assert (bob.read(theirs)["status"], alice.read(own)["status"]) == ("draft", "scheduled")


def test_a_viewer_of_a_company_changes_none_of_its_posts(site: Site, alice: User, bob: User):
    company = alice.company(bob="viewer")
    post = alice.draft(companyId=company)["id"]
    answer = bulk(bob, [{"op": "cancel", "postId": post}, create(companyId=company), create()])
    assert codes(answer) == ["role_insufficient", "role_insufficient", None]
    assert alice.read(post)["status"] == "draft"


def test_an_editor_of_a_company_schedules_through_its_account(site: Site, alice: User, bob: User):
    company = alice.company(bob="editor")
    account = alice.account(companyId=company)
    bob.account()
    [result] = bulk(bob, [create(companyId=company, scheduledAt=wire_form(DUE))])["results"]
    post = bob.read(result["postId"])
    assert (post["socialAccountId"], post["companyId"], post["status"]) == (account["id"], company, "scheduled")


def test_a_post_named_twice_is_changed_once(alice: User):
    alice.account()
    post = alice.draft()["id"]
    rows = [{"op": "schedule", "postId": post, "scheduledAt": wire_form(DUE)}, {"op": "cancel", "postId": post.upper()}]
    answer = bulk(alice, rows)
    assert codes(answer) == [None, "repeated_post"]
    assert "Row 1" in answer["results"][1]["message"]
    assert alice.read(post)["status"] == "scheduled"


def test_atomic_does_nothing_where_a_row_is_refused(site: Site, alice: User, qstash: MessageServer):
    alice.account()
    post = alice.draft()["id"]
    rows = [create(), {"op": "schedule", "postId": post, "scheduledAt": wire_form(DUE)}]
    before = numbers(site)
    for bad in (create(content=None), {"op": "cancel", "postId": UNKNOWN}):
        answer = bulk(alice, [*rows, bad], atomic=True)
        assert (answer["done"], answer["refused"]) == (0, 3)
        assert codes(answer)[:2] == ["not_done", "not_done"]
    assert (numbers(site), alice.read(post)["status"], qstash.published) == (before, "draft", [])


def test_atomic_does_all_rows_where_none_is_refused(site: Site, alice: User):
    alice.account()
    post = alice.draft()["id"]
    rows = [create(scheduledAt=wire_form(DUE))] * 150
    answer = bulk(alice, [*rows, {"op": "cancel", "postId": post}], atomic=True)
    assert (answer["done"], answer["refused"]) == (151, 0)
    assert site.rows("SELECT count(*) FROM posts WHERE status = 'scheduled' AND message_id IS NOT NULL") == [(150,)]


@pytest.mark.parametrize("atomic", [False, True])
def test_a_dry_run_changes_nothing_and_says_what_would_happen(
    site: Site, alice: User, qstash: MessageServer, atomic: bool
):
    alice.account()
    post = alice.draft()["id"]
    before, seen = numbers(site), len(qstash.server.seen)
    rows = [create(scheduledAt=wire_form(DUE)), {"op": "cancel", "postId": post}]
    answer = bulk(alice, rows, dryRun=True, atomic=atomic)
    assert (answer["dryRun"], answer["done"], answer["refused"]) == (True, 2, 0)
    assert [result["postStatus"] for result in answer["results"]] == ["scheduled", "cancelled"]
    assert answer["results"][0]["scheduledAt"] == wire_form(DUE)
    assert codes(bulk(alice, [create(scheduledAt="never")], dryRun=True)) == ["invalid_time"]
    assert (numbers(site), alice.read(post)["status"], len(qstash.server.seen)) == (before, "draft", seen)


def test_a_spread_has_equal_steps(alice: User):
    alice.account()
    ids = [alice.draft(content=f"Post {number}")["id"] for number in range(3)]
    span = {"from": "2026-12-01T09:00:00", "until": "2026-12-01T10:00:00", "timeZone": "Europe/Berlin"}
    answer = bulk(alice, [{"op": "move", "postIds": ids, **span}])
    assert [result["row"] for result in answer["results"]] == [1, 1, 1]
    posts = [alice.read(post_id) for post_id in ids]
    assert [post["scheduledAt"][11:19] for post in posts] == ["08:00:00", "08:30:00", "09:00:00"]
    assert {post["timeZone"] for post in posts} == {"Europe/Berlin"}


def test_a_move_by_days_keeps_the_wall_clock_when_the_clocks_change(site: Site):
    alice = site.user("alice", at=NOW.replace(month=10, day=20))
    alice.account()
    row = create(scheduledAt="2026-10-24T09:00:00", timeZone="Europe/Berlin")
    [made] = bulk(alice, [row])["results"]
    moves = [({"by": "P1D"}, "2026-10-25T08:00:00.000Z"), ({"by": "-PT24H"}, "2026-10-24T08:00:00.000Z")]
    for move, expected in moves:
        [result] = bulk(alice, [{"op": "move", "postId": made["postId"], **move}])["results"]
        assert result["scheduledAt"] == expected


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"by": "2 hours"}, "invalid_duration"),
        ({"by": "P"}, "invalid_duration"),
        ({"by": "PT"}, "invalid_duration"),
        ({"by": "P99999D"}, "invalid_duration"),
        ({"by": "-PT2H"}, "schedule_in_past"),
        ({"by": "P900D"}, "schedule_too_far"),
        ({}, "invalid_move"),
        ({"by": "PT1H", "from": "2026-12-01T09:00:00Z"}, "invalid_move"),
    ],
)
def test_a_move_that_cannot_be_is_refused(alice: User, fields: dict[str, str], code: str):
    post = alice.scheduled()
    assert codes(bulk(alice, [{"op": "move", "postId": post["id"], **fields}])) == [code]
    assert alice.read(post["id"])["scheduledAt"] == post["scheduledAt"]


def test_a_spread_that_ends_before_it_begins_is_refused(alice: User):
    post = alice.scheduled()
    span = {"postIds": [post["id"]], "from": wire_form(DUE + HOUR), "until": wire_form(DUE)}
    [result] = bulk(alice, [{"op": "move", **span}])["results"]
    assert (result["code"], result["errors"][0]["field"]) == ("invalid_span", "until")


def test_a_draft_cannot_be_moved_by_an_amount(alice: User):
    assert codes(bulk(alice, [{"op": "move", "postId": alice.draft()["id"], "by": "PT1H"}])) == ["not_scheduled"]


def test_unscheduling_a_draft_and_cancelling_twice_change_nothing(site: Site, alice: User):
    draft, gone = alice.draft()["id"], alice.draft()["id"]
    alice.delete(f"/api/posts/{gone}")
    before = numbers(site)
    assert bulk(alice, [{"op": "unschedule", "postId": draft}, {"op": "cancel", "postId": gone}])["done"] == 2
    assert numbers(site) == before


def test_a_published_post_is_refused(site: Site, alice: User):
    post = site.sent(alice)
    ops = ({"op": "unschedule"}, {"op": "cancel"}, {"op": "schedule", "scheduledAt": wire_form(DUE + 2 * HOUR)})
    for op in ops:
        assert codes(bulk(alice, [{**op, "postId": post["id"]}])) == ["in_flight"]
