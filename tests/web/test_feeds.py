"""Calendar feeds: private, bounded, of their own tenant alone, and revocable."""

from typing import Any

import pytest
from icalendar import Calendar

from app.posts import feeds
from tests.web.site import HOUR, NOW, Site, User, json_of, refused

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def feed(user: User, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = json_of(user.post("/api/feeds", json={"name": "Plan", **fields}), 201)
    return made


def path_of(made: dict[str, Any]) -> str:
    assert made["url"].startswith("https://punctual.test/feeds/")
    return str(made["url"]).removeprefix("https://punctual.test")


def events(site: Site, made: dict[str, Any]) -> list[Any]:
    answer = site.anonymous.get(path_of(made))
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    return list(Calendar.from_ical(answer.get_data()).walk("VEVENT"))


def test_a_feed_shows_scheduled_and_published_posts_at_their_instants(site: Site, alice: User):
    post = alice.scheduled(content="Comma, semicolon; line\nbreak \x07")
    alice.draft()
    [event] = events(site, feed(alice))
    assert event.decoded("dtstart") == NOW + HOUR
    assert str(event["uid"]) == f"{post['id']}@punctual"
    assert str(event["summary"]) == "linkedin: Comma, semicolon; line break (scheduled)"
    assert "\x07" not in str(event["description"])
    site.clock.at = NOW + HOUR
    json_of(site.deliver(post))
    report = {"postId": post["id"], "status": "published", "linkedinPostUrn": "urn:li:share:1"}
    json_of(site.n8n.post("/api/webhooks/publish-status", json=report))
    [event] = events(site, feed(alice))
    assert "(published)" in str(event["summary"])
    assert "urn:li:share:1" in str(event["url"])


def test_a_feed_shows_nothing_of_other_users(site: Site, alice: User, bob: User):
    alice.scheduled()
    assert events(site, feed(bob)) == []


def test_a_company_feed_ends_when_its_user_leaves(site: Site, alice: User, bob: User):
    company = alice.company(bob="viewer")
    alice.account(companyId=company)
    post = alice.draft(companyId=company)
    alice.schedule(post["id"], NOW + HOUR)
    made = feed(bob, companyId=company)
    assert len(events(site, made)) == 1
    assert alice.delete(f"/api/companies/{company}/members/bob").status_code == 204
    refused(site.anonymous.get(path_of(made)), 404, "feed_not_found")


def test_a_feed_of_another_company_is_refused(alice: User, bob: User):
    company = alice.company()
    for other in (company, UNKNOWN):
        refused(bob.post("/api/feeds", json={"name": "x", "companyId": other}), 404, "company_not_found")


def test_a_deleted_feed_is_unknown(site: Site, alice: User, bob: User):
    made = feed(alice)
    refused(bob.delete(f"/api/feeds/{made['id']}"), 404, "feed_not_found")
    assert events(site, made) == []
    assert alice.delete(f"/api/feeds/{made['id']}").status_code == 204
    refused(site.anonymous.get(path_of(made)), 404, "feed_not_found")
    refused(alice.delete(f"/api/feeds/{made['id']}"), 404, "feed_not_found")


@pytest.mark.parametrize("token", ["x", "a" * 43, "%00", "é" * 43, "a" * 5_000])
def test_an_unknown_token_is_404(site: Site, token: str):
    assert site.anonymous.get(f"/feeds/{token}.ics").status_code == 404


def test_the_token_is_shown_once_stored_as_a_hash_and_not_logged(site: Site, alice: User):
    made = feed(alice)
    token = path_of(made).removeprefix("/feeds/").removesuffix(".ics")
    [listed] = json_of(alice.get("/api/feeds"))["data"]
    assert set(listed) == {"id", "name", "companyId", "createdAt"}
    assert token not in str(site.rows("SELECT * FROM feeds"))
    site.services.deps.db.close()
    site.anonymous.get(path_of(made))
    assert token not in "".join(site.log)


def test_feeds_above_the_quota_are_refused(alice: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feeds, "MAX_FEEDS", 1)
    feed(alice)
    body = refused(alice.post("/api/feeds", json={"name": "Plan"}), 422, "quota_exceeded")
    assert (body["errors"][0]["limit"], body["errors"][0]["actual"]) == (1, 2)


def test_a_feed_is_bounded_and_shows_the_next_posts_first(site: Site, alice: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(feeds, "MAX_AHEAD", 2)
    alice.account()
    for hours in (3, 1, 2):
        alice.schedule(alice.draft(content=f"{hours}")["id"], NOW + hours * HOUR)
    assert [event.decoded("dtstart") for event in events(site, feed(alice))] == [NOW + HOUR, NOW + 2 * HOUR]


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "a\nb"}, {"name": "x", "companyId": "1"}, {"name": "x", "y": 1}]
)
def test_a_feed_of_wrong_fields_is_refused(alice: User, body: dict[str, Any]):
    refused(alice.post("/api/feeds", json=body), 422, "invalid_fields")


def test_feeds_are_in_the_audit_trail(site: Site, alice: User):
    made = feed(alice)
    alice.delete(f"/api/feeds/{made['id']}")
    actions = [entry["action"] for entry in json_of(alice.get("/api/audit"))["data"]]
    assert actions == ["feed.deleted", "feed.created"]
