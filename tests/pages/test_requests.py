"""The requests and bodies that pages show are sent as written, and have the answers below them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.mcp.conftest import BERLIN, Punctual, running
from tests.mcp.test_stdio import tomorrow_at_nine
from tests.pages.markdown import PAGES, Page
from tests.pages.requests import assert_fits, requests_of
from tests.pages.shell import soon
from tests.web.site import json_of

WRITTEN_DAY = "2027-06-01"
EVERY_DAY = [{"day": day, "at": "09:00"} for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")]
LEASES_OVER = dt.timedelta(minutes=20)


@pytest.fixture
def punctual(sqlite_url: str) -> Iterator[Punctual]:
    with running(sqlite_url) as started:
        yield started


def set_slots(punctual: Punctual) -> None:
    body = {"timeZone": BERLIN, "times": EVERY_DAY}
    json_of(punctual.user.put(f"/api/social-accounts/{punctual.account['id']}/slots", json=body))


def in_flight(punctual: Punctual, content: str) -> dict[str, Any]:
    post = punctual.user.draft(content=content)
    punctual.user.schedule(post["id"], punctual.site.clock.at)
    punctual.site.deliver(punctual.user.read(post["id"]))
    return punctual.user.read(post["id"])


def unknown(punctual: Punctual, *contents: str) -> list[str]:
    """Return posts that n8n has taken and never reported, after the end of their leases."""
    ids = [in_flight(punctual, content)["id"] for content in contents]
    punctual.site.clock.at += LEASES_OVER
    json_of(punctual.site.cron.get("/api/posts/recover"))
    assert [punctual.user.read(post_id)["errorCode"] for post_id in ids] == ["outcome_unknown"] * len(ids)
    return ids


@pytest.mark.parametrize("page", [page for page in PAGES if "```http" in page.text], ids=repr)
def test_each_request_of_a_page_works_as_written_and_has_the_answer_below_it(punctual: Punctual, page: Page):
    day = tomorrow_at_nine().date().isoformat()
    account = punctual.account["id"]
    set_slots(punctual)
    names = {WRITTEN_DAY: day, "{account}": account, "{failed}": punctual.failed()["id"]}
    if "{unknown}" in page.text:
        names["{unknown}"], names["{other}"] = unknown(punctual, "First", "Second")
    caller, sent = punctual.user, 0
    for written in requests_of(page, names):
        more = {} if written.body is None else {"json": written.body}
        answer = caller.open(written.method, written.path, headers=written.headers, **more)
        assert answer.status_code in (200, 201), (written, answer.get_data(as_text=True))
        real = answer.get_json()
        assert_fits(written.answer, real, written.path)
        sent += 1
        assert "{" not in written.path
        if written.path == "/api/posts" and "{post}" not in names:
            names["{post}"] = real["id"]
        if written.path == "/api/keys":  # all later requests are sent with the key
            caller.headers = {"Authorization": f"Bearer {real['key']}"}
        if written.path.endswith("/schedule") and real["localTime"][11:16] == "09:00":
            expected = dt.datetime.fromisoformat(f"{day}T09:00:00").replace(tzinfo=ZoneInfo(BERLIN))
            assert dt.datetime.fromisoformat(real["scheduledAt"]) == expected
    assert sent == page.text.count("```http")


def test_bulk_call_of_the_page_is_done_in_every_row(punctual: Punctual):
    set_slots(punctual)
    (block,) = Page("docs/bulk.md").blocks()
    call = json.loads(soon(block.text))
    tomorrow = punctual.site.clock.at + dt.timedelta(days=1)
    for row in call["operations"]:
        if row["op"] == "retry":
            row["postId"] = punctual.failed()["id"]
        elif "postId" in row or "postIds" in row:
            drafts = [punctual.user.draft()["id"] for _ in row.get("postIds", [row.get("postId")])]
            if row["op"] in ("move", "unschedule"):
                for post_id in drafts:
                    punctual.user.schedule(post_id, tomorrow)
            row |= {"postIds": drafts} if "postIds" in row else {"postId": drafts[0]}
    answer = json_of(punctual.user.post("/api/posts/bulk", json=call))
    assert [result["status"] for result in answer["results"]] == ["done"] * len(answer["results"])
    assert (answer["refused"], answer["done"]) == (0, 9)


def test_reports_of_the_page_settle_a_published_and_a_failed_post(punctual: Punctual):
    (block,) = [block for block in Page("docs/n8n/README.md").blocks() if block.language == "json"]
    for line, text in zip(block.text.splitlines(), ("Published", "Refused"), strict=True):
        post = in_flight(punctual, text)
        report = json.loads(line) | {"postId": post["id"], "attempt": post["attempt"]}
        if "linkedinPostUrn" in report:
            report["linkedinPostUrn"] = "urn:li:share:7000000000000000001"
        answer = json_of(punctual.site.n8n.post("/api/webhooks/publish-status", json=report))
        assert answer["applied"]
        assert punctual.user.read(post["id"])["status"] == report["status"] == answer["status"]
