"""The tools that end a post or copy it act once, and only when they are confirmed."""

from __future__ import annotations

import datetime as dt

from tests.mcp.agents import Agent
from tests.mcp.conftest import Punctual
from tests.mcp.test_stdio import tomorrow_at_nine
from tests.web.site import json_of

LINK = "https://www.linkedin.com/feed/update/urn:li:share:7000000000000000001"


def test_post_is_cancelled_for_good_once_the_person_agrees(alice: Agent, punctual: Punctual):
    post = punctual.user.draft()
    punctual.user.schedule(post["id"], tomorrow_at_nine())
    would = alice.call("cancel_post", post_id=post["id"])
    assert (would["done"], punctual.statuses()) == (False, ["scheduled"])
    assert "for good" in would["wouldHappen"]
    assert "in UTC" in would["wouldHappen"]
    done = alice.call("cancel_post", post_id=post["id"], confirm=True)
    assert (done["done"], done["repeated"], done["post"]["status"]) == (True, False, "cancelled")
    assert alice.call("cancel_post", post_id=post["id"], confirm=True)["repeated"]
    punctual.site.clock.at += dt.timedelta(minutes=1)
    refused = alice.refused("schedule_post", post_id=post["id"], scheduled_at="2027-06-01T09:00:00Z", confirm=True)
    assert "cancelled" in refused


def test_published_post_is_not_cancelled(alice: Agent, punctual: Punctual):
    post = punctual.user.draft()
    punctual.user.schedule(post["id"], punctual.site.clock.at)
    punctual.site.deliver(punctual.user.read(post["id"]))
    assert "in_flight" in alice.refused("cancel_post", post_id=post["id"], confirm=True)


def test_unknown_outcome_is_settled_by_the_link_that_a_person_sees(alice: Agent, punctual: Punctual):
    post = punctual.user.draft()
    punctual.user.schedule(post["id"], punctual.site.clock.at)
    punctual.site.deliver(punctual.user.read(post["id"]))
    punctual.site.clock.at += dt.timedelta(minutes=20)
    json_of(punctual.site.cron.get("/api/posts/recover"))
    assert "one of url and external_post_id" in alice.refused("attach_post", post_id=post["id"], confirm=True)
    would = alice.call("attach_post", post_id=post["id"], url=LINK)
    assert (would["done"], punctual.statuses()) == (False, ["failed"])
    done = alice.call("attach_post", post_id=post["id"], url=LINK, confirm=True)
    assert (done["done"], done["post"]["status"]) == (True, "published")
    other = "https://www.facebook.com/1/posts/2"
    assert alice.refused("attach_post", post_id=post["id"], url=other, confirm=True)


def test_copy_is_one_draft_per_request(alice: Agent, punctual: Punctual):
    post = punctual.user.draft(content="Again, please.")
    assert alice.call("duplicate_post", post_id=post["id"])["done"] is False
    assert len(punctual.statuses()) == 1
    first = alice.call("duplicate_post", post_id=post["id"], confirm=True)
    again = alice.call("duplicate_post", post_id=post["id"], confirm=True)
    assert (again["repeated"], again["postId"]) == (True, first["postId"])
    assert first["post"]["content"] == "Again, please."
    alice.call("duplicate_post", post_id=post["id"], request_id="second", confirm=True)
    assert punctual.statuses() == ["draft"] * 3
