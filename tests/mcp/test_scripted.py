"""Requests and answers that the contract of the API names, checked against a scripted Punctual."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from tests.adapters.servers import Seen, says
from tests.mcp.conftest import BERLIN, POST, POST_ID, Scripted

ACCOUNT_ID = "1d81cbb1-8e8a-44ba-b87c-66f5b10b068b"
DUE = "2099-06-01T09:00:00.000Z"
RISK = {"code": "token_ends", "message": "The token ends before.", "cure": "Connect the account again."}
ALERT = {"kind": "message_service_down", "subject": None, "detail": "QStash refuses the messages."}


def test_filters_are_sent_as_the_api_names_them(scripted: Scripted):
    server, connected = scripted
    server.answer = says(200, {"data": [], "nextCursor": None})
    connected.call(
        "list_posts",
        status=["failed", "scheduled"],
        platform="linkedin",
        social_account_id=ACCOUNT_ID,
        text="a & b=c",
        needs_attention=True,
        from_time="2027-06-01T09:00:00+02:00",
        to_time=DUE,
        cursor="next/page",
    )
    assert parse_qs(urlsplit(server.seen[0].path).query) == {
        "status": ["failed,scheduled"],
        "platform": ["linkedin"],
        "socialAccountId": [ACCOUNT_ID],
        "q": ["a & b=c"],
        "needsAttention": ["true"],
        "from": ["2027-06-01T09:00:00+02:00"],
        "to": [DUE],
        "limit": ["20"],
        "cursor": ["next/page"],
    }


def test_risks_alerts_and_the_breaker_are_causes_with_their_cures(scripted: Scripted):
    server, connected = scripted
    post = POST | {"status": "scheduled", "scheduledAt": DUE, "armed": False, "risks": [RISK], "timeZone": BERLIN}
    answers = {
        f"/api/posts/{POST_ID}": post,
        f"/api/posts/{POST_ID}/timeline": {"attempts": [], "transitions": []},
        "/api/scheduler/status": {"alerts": [ALERT], "breaker": {"state": "open"}},
    }
    server.answer = lambda seen: says(200, answers[seen.path])(seen)
    found = connected.call("explain_post", post_id=POST_ID)
    assert [cause["code"] for cause in found["causes"]] == [
        "token_ends",
        "message_service_down",
        "breaker_open",
    ]
    assert found["causes"][0] == RISK
    assert found["post"]["risks"] == [RISK]


def test_overdue_post_is_explained_without_the_status(scripted: Scripted):
    server, connected = scripted
    post = POST | {"status": "scheduled", "scheduledAt": "2020-06-01T09:00:00.000Z", "armed": True}

    def answer(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        return says(503 if seen.path.startswith("/api/scheduler") else 200, post)(seen)

    server.answer = answer
    found = connected.call("explain_post", post_id=POST_ID)
    assert "overdue by" in found["explanation"]
    assert found["causes"][0]["code"] == "overdue"


def test_long_timeline_is_read_in_pages_and_its_end_is_shown(scripted: Scripted):
    server, connected = scripted
    lines = [{"at": DUE, "from": None, "to": "draft", "reason": f"r{n}", "actor": "user:a"} for n in range(30)]

    def answer(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if not seen.path.startswith(f"/api/posts/{POST_ID}/timeline"):
            return says(200, POST)(seen)
        more = {} if "cursor=two" in seen.path else {"nextCursor": "two"}
        part = lines[15:] if "cursor=two" in seen.path else lines[:15]
        return says(200, {"attempts": [], "transitions": part, **more})(seen)

    server.answer = answer
    changes = connected.call("explain_post", post_id=POST_ID)["changes"]
    assert [change["reason"] for change in changes] == [f"r{n}" for n in range(10, 30)]


def test_zone_unknown_here_is_replaced_by_the_zone_of_the_server(scripted: Scripted):
    server, connected = scripted
    server.answer = says(200, POST | {"status": "scheduled", "scheduledAt": DUE, "timeZone": "Mars/Base"})
    post = connected.call("get_post", post_id=POST_ID)["post"]
    assert post["scheduledAt"] == {"utc": DUE, "local": "2099-06-01T09:00:00.000+00:00", "timeZone": "UTC"}


def test_days_keep_the_time_of_day_across_a_change_of_clocks_and_hours_do_not(scripted: Scripted):
    server, connected = scripted
    before = {"status": "scheduled", "timeZone": BERLIN, "scheduledAt": "2036-10-25T07:00:00.000Z"}
    server.answer = says(200, POST | before)
    day = connected.call("move_post", post_id=POST_ID, by="P1D")["wouldHappen"]
    assert "2036-10-26T09:00:00.000+01:00" in day
    hours = connected.call("move_post", post_id=POST_ID, by="PT24H")["wouldHappen"]
    assert "2036-10-26T08:00:00.000+01:00" in hours
