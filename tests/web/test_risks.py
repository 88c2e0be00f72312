"""Risks of each post, the posts that need a person, and their counts by cause."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, MessageServer, Site, User, json_of, wire_form

IMAGE = [{"url": "https://cdn.example.com/a.png", "type": "image"}]


def risk_codes(user: User, post_id: str) -> list[str]:
    """Return the codes of a post's risks, equal in the list and by itself."""
    [listed] = [p for p in json_of(user.get("/api/posts"))["data"] if p["id"] == post_id]
    assert listed == user.read(post_id)
    assert all(set(risk) == {"code", "message", "cure"} for risk in listed["risks"])
    return [risk["code"] for risk in listed["risks"]]


def attention(user: User, query: str = "") -> dict[str, tuple[int, str | None]]:
    """Return the causes, after a comparison with the list of posts that need a person."""
    counts = json_of(user.get(f"/api/posts/counts?{query}"))
    assert set(counts) == {"byStatus", "needsAttention"}
    assert all({"code", "message", "cure", "count"} <= set(cause) for cause in counts["needsAttention"])
    listed = json_of(user.get(f"/api/posts?needsAttention=true&{query}"))["data"]
    others = json_of(user.get(f"/api/posts?needsAttention=false&{query}"))["data"]
    assert sum(cause["count"] for cause in counts["needsAttention"]) == len(listed)
    assert len(listed) + len(others) == sum(counts["byStatus"].values())
    assert not {post["id"] for post in listed} & {post["id"] for post in others}
    return {cause["code"]: (cause["count"], cause.get("socialAccountId")) for cause in counts["needsAttention"]}


def execute(site: Site, statement: str) -> None:
    with site.services.deps.db.transaction() as tx:
        tx.execute(sa.text(statement))


def test_draft_and_armed_post_have_no_risk(site: Site, alice: User):
    draft, scheduled = alice.draft(), alice.scheduled()
    assert risk_codes(alice, draft["id"]) == risk_codes(alice, scheduled["id"]) == []
    assert attention(alice) == {}
    counts = json_of(alice.get("/api/posts/counts"))["byStatus"]
    assert counts == {"draft": 1, "scheduled": 1, "publishing": 0, "published": 0, "failed": 0, "cancelled": 0}


def test_unarmed_post_needs_a_person_and_a_parked_one_does_not(site: Site, alice: User, qstash: MessageServer):
    qstash.down = True
    post = alice.scheduled()
    assert risk_codes(alice, post["id"]) == ["not_armed"]
    far = alice.draft()
    alice.schedule(far["id"], NOW + 30 * 24 * HOUR)
    assert risk_codes(alice, far["id"]) == ["parked"]
    assert attention(alice) == {"not_armed": (1, None)}


def test_disconnected_account_is_a_risk_of_its_scheduled_posts(site: Site, alice: User):
    post = alice.scheduled()
    execute(site, "UPDATE social_accounts SET status = 'reconnect_required'")
    assert risk_codes(alice, post["id"]) == ["reconnect_required"]
    assert attention(alice) == {"reconnect_required": (1, post["socialAccountId"])}
    execute(site, "DELETE FROM social_accounts")
    assert risk_codes(alice, post["id"]) == ["account_missing"]
    assert attention(alice) == {"account_missing": (1, post["socialAccountId"])}


def test_access_that_ends_before_is_a_risk_of_later_posts_alone(site: Site, alice: User):
    account = alice.account(refreshToken=None, expiresAt=wire_form(NOW + 2 * HOUR))
    early, late = (alice.draft()["id"] for _ in range(2))
    alice.schedule(early, NOW + HOUR)
    alice.schedule(late, NOW + 3 * HOUR)
    assert risk_codes(alice, early) == []
    assert risk_codes(alice, late) == ["token_expires_before"]
    assert attention(alice) == {"token_expires_before": (1, account["id"])}


def test_access_that_is_renewed_is_no_risk(database_url: str, make_site: MakeSite):
    site = make_site(database_url, linkedin_client_id="id", linkedin_client_secret="secret-secret-1")
    alice = site.user("alice")
    alice.account(expiresAt=wire_form(NOW + HOUR / 2))
    post = json_of(alice.post("/api/posts", json={"content": "x", "scheduledAt": wire_form(NOW + HOUR)}), 201)
    assert risk_codes(alice, post["id"]) == ["token_expires_before"]  # pasted, so it cannot be renewed
    execute(site, "UPDATE social_accounts SET refresh_granted = true")
    assert risk_codes(alice, post["id"]) == []
    assert attention(alice) == {}


def test_posts_over_the_daily_cap_are_a_risk(database_url: str, make_site: MakeSite):
    alice = make_site(database_url, account_daily_cap=2).user("alice")
    alice.account()
    posts = [alice.draft()["id"] for _ in range(4)]
    for number, post_id in enumerate(posts):
        alice.schedule(post_id, NOW + (number + 1) * HOUR)
    assert [risk_codes(alice, one) for one in posts] == [[], [], ["daily_cap"], ["daily_cap"]]
    alice.schedule(posts[3], NOW + 27 * HOUR)
    assert risk_codes(alice, posts[3]) == []


def test_media_that_nobody_checks_are_a_risk_but_need_no_person(site: Site, alice: User):
    assert risk_codes(alice, alice.scheduled(media=IMAGE)["id"]) == ["media_unchecked"]  # the tests check none
    assert attention(alice) == {}


def test_failed_posts_are_counted_by_their_code(site: Site, alice: User):
    for number in range(2):
        post = site.sent(alice, NOW + (number + 1) * HOUR) if number == 0 else None
        if post is not None:
            site.clock.at += HOUR
            json_of(alice.post("/api/posts/recover", json={"postId": post["id"], "action": "fail"}))
    assert attention(alice) == {"failed_by_hand": (1, None)}
    assert attention(alice, "status=failed") == {"failed_by_hand": (1, None)}
    assert attention(alice, "status=draft,published") == {}
    assert attention(alice, "platform=facebook") == {}
    [cause] = json_of(alice.get("/api/posts/counts?needsAttention=true"))["needsAttention"]
    assert cause["cure"] == "Schedule it again to send it."


def test_counts_show_only_visible_posts(site: Site, alice: User, bob: User):
    company = alice.company(bob="viewer")
    alice.draft(companyId=company)
    alice.draft()

    def drafts(user: User, query: str = "") -> int:
        return int(json_of(user.get(f"/api/posts/counts{query}"))["byStatus"]["draft"])

    assert (drafts(alice), drafts(bob)) == (2, 0)
    assert drafts(bob, f"?companyId={company}") == 1
    assert drafts(site.user("mallory"), f"?companyId={company}") == 0


def test_page_and_its_risks_take_a_fixed_number_of_statements(postgresql_url: str, make_site: MakeSite):
    site = make_site(postgresql_url, account_daily_cap=1)
    alice = site.user("alice")
    alice.account()
    sent: list[str] = []
    event.listen(site.services.deps.db.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))

    def statements(posts: int) -> int:
        for _ in range(posts):
            body: dict[str, Any] = {"content": "x", "scheduledAt": wire_form(NOW + HOUR)}
            json_of(alice.post("/api/posts", json=body), 201)
        sent.clear()
        assert all(post["risks"] or True for post in json_of(alice.get("/api/posts?limit=200"))["data"])
        return len([one for one in sent if "FROM" in one])

    assert statements(2) == statements(20) == 5


@pytest.mark.parametrize(
    "query", ["needsAttention=true", "needsAttention=false", "needsAttention=true&q=x&sort=updatedAt"]
)
def test_attention_is_a_filter_beside_others(site: Site, alice: User, qstash: MessageServer, query: str):
    qstash.down = True
    post = alice.scheduled(content="x")
    draft = alice.draft(content="x")
    expected = draft if query.endswith("false") else post
    assert [p["id"] for p in json_of(alice.get(f"/api/posts?{query}"))["data"]] == [expected["id"]]
