"""The tools of agents over stdio, with the SDK's own client, against a running app."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.mcp.agents import Agent, agent
from tests.mcp.conftest import BERLIN, Punctual
from tests.web.site import HOUR, json_of

PUBLISHING = {"create_post", "schedule_post", "move_post", "publish_post_now", "retry_post"}
ENDING = {"cancel_post", "attach_post", "duplicate_post"}
READING = {"list_posts", "get_post", "explain_post", "list_accounts", "next_free_times"}


def tomorrow_at_nine() -> dt.datetime:
    """Return nine o'clock of tomorrow on Berlin's clock. No clock is changed at nine."""
    local = dt.datetime.now(ZoneInfo(BERLIN)) + dt.timedelta(days=1)
    return local.replace(hour=9, minute=0, second=0, microsecond=0)


def written(at: dt.datetime) -> str:
    return at.replace(tzinfo=None).isoformat()


def utc(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_tools_say_what_they_change_and_those_that_publish_ask_for_confirmation(alice: Agent):
    tools = alice.tools()
    assert set(tools) == PUBLISHING | READING | ENDING | {"unschedule_post"}
    for name, tool in tools.items():
        hints = tool.annotations
        assert hints is not None
        assert tool.description
        destroys = name not in READING | {"duplicate_post"}
        assert (hints.read_only_hint, hints.destructive_hint) == (name in READING, destroys)
        assert hints.idempotent_hint is True
        assert ("confirm" in tool.input_schema["properties"]) == (name in PUBLISHING | ENDING)
        assert tool.input_schema["additionalProperties"] is False


def test_post_is_drafted_scheduled_moved_and_taken_back(alice: Agent, punctual: Punctual):
    draft = alice.call("create_post", content="On the second.")["post"]
    assert draft["status"] == "draft"
    at = tomorrow_at_nine()
    post_id = draft["id"]
    done = alice.call("schedule_post", post_id=post_id, scheduled_at=written(at), time_zone=BERLIN, confirm=True)
    expected = {"utc": utc(at), "local": at.isoformat(timespec="milliseconds"), "timeZone": BERLIN}
    assert (done["post"]["status"], done["post"]["scheduledAt"]) == ("scheduled", expected)
    moved = alice.call("move_post", post_id=post_id, by="PT90M", expected_at=utc(at), confirm=True)
    assert moved["post"]["scheduledAt"]["utc"] == utc(at + 1.5 * HOUR)
    assert moved["post"]["timeZone"] == BERLIN
    back = alice.call("unschedule_post", post_id=post_id)
    assert (back["done"], back["post"]["status"]) == (True, "draft")
    assert punctual.user.read(post_id)["status"] == "draft"


def test_post_is_created_and_scheduled_in_one_call(alice: Agent, punctual: Punctual):
    order = {"content": "One call.", "scheduled_at": written(tomorrow_at_nine()), "time_zone": BERLIN}
    would = alice.call("create_post", **order)
    assert (would["done"], punctual.statuses()) == (False, [])
    done = alice.call("create_post", **order, confirm=True)
    assert done["post"]["status"] == "scheduled"
    assert punctual.statuses() == ["scheduled"]


@pytest.mark.parametrize("tool", ["schedule_post", "move_post", "publish_post_now", "retry_post"])
def test_without_confirmation_nothing_is_sent_and_the_answer_says_what_would_happen(
    alice: Agent, punctual: Punctual, tool: str
):
    at = tomorrow_at_nine()
    post = punctual.failed() if tool == "retry_post" else punctual.user.draft()
    if tool == "move_post":
        punctual.user.schedule(post["id"], at)
    more = {"schedule_post": {"scheduled_at": written(at), "time_zone": BERLIN}, "move_post": {"by": "P1D"}}
    before = punctual.user.read(post["id"])
    would = alice.call(tool, post_id=post["id"], **more.get(tool, {}))
    assert would["done"] is False
    assert would["toConfirm"].startswith("Nothing was done.")
    assert BERLIN in would["wouldHappen"]
    assert "in UTC" in would["wouldHappen"]
    assert punctual.user.read(post["id"]) == before


def test_draft_is_published_now_and_an_equal_call_after_it_is_no_second_publication(alice: Agent, punctual: Punctual):
    post = punctual.user.draft(content="Now.")
    order = {"post_id": post["id"], "request_id": "order-1", "confirm": True}
    first = alice.call("publish_post_now", **order)
    again = alice.call("publish_post_now", **order)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert punctual.user.read(post["id"])["generation"] == post["generation"] + 1
    assert json_of(punctual.site.deliver(punctual.user.read(post["id"]))) == {"status": "dispatched"}
    assert alice.call("get_post", post_id=post["id"])["post"]["status"] == "publishing"


def test_repeated_create_is_one_post_and_another_request_id_is_a_second(alice: Agent, punctual: Punctual):
    first = alice.call("create_post", content="Twice?")
    again = alice.call("create_post", content="Twice?")
    assert (again["repeated"], again["postId"]) == (True, first["postId"])
    other = alice.call("create_post", content="Twice?", request_id="second")
    assert other["postId"] != first["postId"]
    assert len(punctual.statuses()) == 2


def test_order_repeated_after_its_instant_is_no_error(alice: Agent, punctual: Punctual):
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    order = {"content": "Soon.", "scheduled_at": utc(at), "confirm": True}
    first = alice.call("create_post", **order)
    punctual.site.clock.at = at + 2 * HOUR
    again = alice.call("create_post", **order)
    assert (again["repeated"], again["postId"]) == (True, first["postId"])


def test_confirmed_time_is_judged_by_punctual(alice: Agent, punctual: Punctual):
    post = punctual.user.draft()
    order = {"post_id": post["id"], "confirm": True}
    for when, code in (
        ({"scheduled_at": "2027-03-28T02:30:00", "time_zone": BERLIN}, "nonexistent_local_time"),
        ({"scheduled_at": "2027-06-01T09:00:00"}, "timezone_required"),
        ({"scheduled_at": "2020-06-01T09:00:00Z"}, "schedule_in_past"),
        ({"scheduled_at": "2999-06-01T09:00:00Z"}, "schedule_too_far"),
    ):
        assert f"Code: {code}" in alice.refused("schedule_post", **order, **when)
    assert punctual.statuses() == ["draft"]


def test_repeated_move_moves_once_and_another_present_time_is_refused(alice: Agent, punctual: Punctual):
    at = tomorrow_at_nine()
    post = punctual.user.draft()
    punctual.user.schedule(post["id"], at)
    order = {"post_id": post["id"], "by": "P1D", "expected_at": utc(at), "confirm": True}
    alice.call("move_post", **order)
    assert alice.call("move_post", **order)["repeated"] is True
    assert punctual.user.read(post["id"])["scheduledAt"] == utc(at + 24 * HOUR)
    text = alice.refused("move_post", **order | {"expected_at": utc(at + HOUR)})
    assert "Nothing was done." in text
    assert "expected_at" in alice.refused("move_post", post_id=post["id"], by="P1D", confirm=True)


def test_kept_refusal_does_not_stop_the_call_after_its_cause_is_gone(alice: Agent, punctual: Punctual):
    json_of_delete = punctual.user.delete(f"/api/social-accounts/{punctual.account['id']}")
    assert json_of_delete.status_code == 204
    post = punctual.user.draft()
    order = {"post_id": post["id"], "scheduled_at": utc(tomorrow_at_nine()), "confirm": True}
    assert "HTTP 422" in alice.refused("schedule_post", **order)
    punctual.user.account()
    assert alice.call("schedule_post", **order)["post"]["status"] == "scheduled"


def test_failed_post_is_explained_and_retried(alice: Agent, punctual: Punctual):
    post = punctual.failed()
    found = alice.call("explain_post", post_id=post["id"])
    assert found["explanation"].startswith("It failed since")
    assert found["causes"][0]["code"] == post["errorCode"]
    assert found["causes"][0]["message"] == post["errorMessage"]
    assert "retry_post" in found["causes"][0]["cure"]
    assert found["attempts"][-1]["startedAt"]["timeZone"] == BERLIN
    assert [change["to"] for change in found["changes"]] == ["draft", "scheduled", "publishing", "failed"]
    done = alice.call("retry_post", post_id=post["id"], confirm=True)
    assert done["post"]["status"] == "scheduled"


def test_explanation_tells_of_each_status(alice: Agent, punctual: Punctual):
    user, at = punctual.user, tomorrow_at_nine()
    draft, later, gone = (user.draft(content=text) for text in ("draft", "later", "gone"))
    user.schedule(later["id"], at)
    user.delete(f"/api/posts/{gone['id']}")
    assert "A draft has no date" in alice.call("explain_post", post_id=draft["id"])["explanation"]
    assert (
        f"scheduled for {at.isoformat(timespec='milliseconds')}"
        in (alice.call("explain_post", post_id=later["id"])["explanation"])
    )
    assert "does not go out any more" in alice.call("explain_post", post_id=gone["id"])["explanation"]


def test_posts_are_listed_in_pages_with_cut_texts_and_filters(alice: Agent, punctual: Punctual):
    for number in range(3):
        punctual.user.draft(content=f"{number} " + "long " * 200)
    first = alice.call("list_posts", limit=2, status=["draft"])
    rest = alice.call("list_posts", limit=2, status=["draft"], cursor=first["nextCursor"])
    assert (len(first["posts"]), len(rest["posts"]), rest["nextCursor"]) == (2, 1, None)
    assert len(first["posts"][0]["content"]) == 280
    assert "contentIsCut" in first["posts"][0]
    assert alice.call("list_posts", status=["published"])["posts"] == []


def test_accounts_are_listed_without_tokens(alice: Agent, punctual: Punctual):
    [account] = alice.call("list_accounts", platform="linkedin")["accounts"]
    assert account["id"] == punctual.account["id"]
    assert "accessToken" not in account


def test_key_without_the_scope_and_a_wrong_key_get_the_cure(punctual: Punctual, tmp_path: Path):
    post = punctual.user.draft()
    with agent(punctual.url, punctual.key("read")) as reader:
        assert reader.call("get_post", post_id=post["id"])["post"]["status"] == "draft"
        text = reader.refused("publish_post_now", post_id=post["id"], confirm=True)
        assert "HTTP 403" in text
        assert "scope" in text
    wrong = "pk_" + "0" * 43
    with agent(punctual.url, wrong) as stranger:
        text = stranger.refused("list_posts")
        assert "PUNCTUAL_TOKEN" in text
        assert "HTTP 401" in text
        assert wrong not in text
    assert punctual.statuses() == ["draft"]


def test_users_jwt_is_a_token_too(punctual: Punctual):
    token = punctual.user.headers["Authorization"].removeprefix("Bearer ")
    with agent(punctual.url, token) as connected:
        assert connected.call("list_posts")["posts"] == []


def test_free_times_of_an_account_are_shown_and_the_next_one_is_taken(alice: Agent, punctual: Punctual):
    account = punctual.account["id"]
    assert "no weekly times" in alice.call("next_free_times", social_account_id=account)["note"]
    times = [{"day": day, "at": "09:00:00"} for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")]
    json_of(punctual.user.put(f"/api/social-accounts/{account}/slots", json={"timeZone": BERLIN, "times": times}))
    free = alice.call("next_free_times", social_account_id=account, count=2)["freeTimes"]
    assert [time["timeZone"] for time in free] == [BERLIN, BERLIN]
    assert [time["local"][11:19] for time in free] == ["09:00:00", "09:00:00"]
    order = {"content": "In the queue.", "slot": "next", "social_account_id": account}
    assert free[0]["local"] in alice.call("create_post", **order)["wouldHappen"]
    assert alice.call("create_post", **order, confirm=True)["post"]["scheduledAt"] == free[0]
    draft = punctual.user.draft(content="After it.", socialAccountId=account)
    done = alice.call("schedule_post", post_id=draft["id"], slot="next", confirm=True)
    assert done["post"]["scheduledAt"] == free[1]
