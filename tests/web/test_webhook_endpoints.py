"""Webhook endpoints: what may be registered, who sees them, quotas, audit, and rights at the delivery."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from app.store.operations import alerts
from tests.web.conftest import MakeSite
from tests.web.hooks import POST_EVENTS, Receiver, deliver, endpoint, published_events, receiver, true_time
from tests.web.site import HOUR, MessageServer, Site, User, json_of, refused

PATH = "/api/webhook-endpoints"
PUBLIC = "https://hooks.example.com/punctual"


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.com/", "url_not_https"),
        ("https://127.0.0.1/", "url_not_public"),
        ("https://localhost/", "url_not_public"),
        ("https://10.1.2.3/", "url_not_public"),
        ("https://169.254.169.254/latest/", "url_not_public"),
        ("https://[::ffff:c0a8:1]/", "url_not_public"),
        ("https://[fe80::1]/", "url_not_public"),
        ("https://2130706433/", "url_not_public"),
        ("https://db.internal/", "url_not_public"),
        ("https://user:word@hooks.example.com/", "url_has_credentials"),
    ],
)
def test_address_that_is_not_public_https_is_refused(sqlite_url: str, make_site: MakeSite, url: str, code: str):
    ada = make_site(sqlite_url, local=False).user("ada")
    body = refused(ada.post(PATH, json={"url": url, "events": POST_EVENTS}), 422, code)
    assert body["errors"][0]["field"] == "url"
    made = endpoint(ada, PUBLIC)
    refused(ada.patch(f"{PATH}/{made['id']}", json={"url": url}), 422, code)


@pytest.mark.parametrize(
    "body",
    [
        {"url": "ftp://hooks.example.com/", "events": POST_EVENTS},
        {"url": "https://hooks.example.com/" + "x" * 2048, "events": POST_EVENTS},
        {"url": PUBLIC, "events": []},
        {"url": PUBLIC, "events": ["post.exploded"]},
        {"url": PUBLIC, "events": ["post.failed", "post.failed"]},
        {"url": PUBLIC, "events": ["post.failed"] * 1000},
        {"url": PUBLIC, "events": "post.failed"},
        {"url": PUBLIC},
        {"events": POST_EVENTS},
        {"url": PUBLIC, "events": POST_EVENTS, "secret": "mine"},
    ],
    ids=range(10),
)
def test_malformed_endpoint_is_refused(small_site: Site, body: dict[str, Any]):
    refused(small_site.user("ada").post(PATH, json=body), 422, "invalid_fields")


def test_secret_is_shown_once_and_stored_encrypted(site: Site):
    ada = site.user("ada")
    made = endpoint(ada, PUBLIC)
    assert made["secret"].startswith("whsec_")
    assert "secret" not in json_of(ada.get(PATH))["data"][0]
    assert "secret" not in json_of(ada.patch(f"{PATH}/{made['id']}", json={"events": ["post.failed"]}))
    (stored,) = site.rows("SELECT secret FROM webhook_endpoints")[0]
    assert made["secret"] not in stored
    assert not [line for line in site.log if made["secret"] in line]


def test_endpoint_of_another_user_answers_404(site: Site):
    made = endpoint(site.user("ada"), PUBLIC)
    event = json_of(site.user("ada").post(f"{PATH}/{made['id']}/test"), 202)
    bob, path = site.user("bob"), f"{PATH}/{made['id']}"
    assert json_of(bob.get(PATH))["data"] == []
    for answer in (
        bob.patch(path, json={"status": "disabled"}),
        bob.delete(path),
        bob.post(f"{path}/test"),
        bob.post(f"{path}/rotate-secret"),
        bob.get(f"{path}/deliveries"),
        bob.post(f"{path}/deliveries/{event['id']}/redeliver"),
    ):
        refused(answer, 404, "endpoint_not_found")
    own = endpoint(bob, PUBLIC)
    refused(bob.post(f"{PATH}/{own['id']}/deliveries/{event['id']}/redeliver"), 404, "delivery_not_found")


def test_event_reaches_the_endpoints_of_its_owner_alone(site: Site, qstash: MessageServer):
    owner, editor = site.user("owner"), site.user("editor")
    company = owner.company(editor="editor", viewer="viewer")
    other = site.user("stranger").company("Other")
    mine = endpoint(editor, PUBLIC)
    shared = endpoint(editor, PUBLIC, companyId=company)
    foreign = endpoint(site.user("stranger"), PUBLIC, companyId=other)
    endpoint(site.user("stranger"), PUBLIC)
    refused(
        site.user("viewer").post(PATH, json={"url": PUBLIC, "events": POST_EVENTS, "companyId": company}),
        403,
        "role_insufficient",
    )
    refused(
        editor.post(PATH, json={"url": PUBLIC, "events": POST_EVENTS, "companyId": other}), 422, "company_not_found"
    )
    owner.account(companyId=company)
    post = editor.draft(companyId=company)
    editor.schedule(post["id"], site.clock.at + HOUR)
    events = {made["id"]: json_of(editor.get(f"{PATH}/{made['id']}/deliveries"))["data"] for made in (mine, shared)}
    assert [len(events[made["id"]]) for made in (mine, shared)] == [0, 1]
    assert json_of(site.user("stranger").get(f"{PATH}/{foreign['id']}/deliveries"))["data"] == []
    assert len(published_events(qstash)) == 1


def test_maker_who_left_the_company_gets_no_event_of_it(site: Site, qstash: MessageServer, hook: Receiver):
    true_time(site)
    owner, editor = site.user("owner"), site.user("editor")
    company = owner.company(editor="editor")
    made = endpoint(editor, hook.url, companyId=company)
    owner.account(companyId=company)
    owner.schedule(owner.draft(companyId=company)["id"], site.clock.at + HOUR)
    assert owner.delete(f"/api/companies/{company}/members/editor").status_code == 204
    (event_id,) = published_events(qstash)
    refused(deliver(site, event_id), 489, "delivery_failed")
    assert hook.server.seen == []
    view = json_of(owner.get(PATH))["data"][0]
    assert (view["id"], view["status"]) == (made["id"], "disabled")


def test_alerts_are_for_endpoints_of_admins(site: Site, qstash: MessageServer, hook: Receiver):
    true_time(site)
    body = {"url": hook.url, "events": ["alert.raised"]}
    refused(site.user("ada").post(PATH, json=body), 422, "admin_required")
    root = site.user("root", admin=True)
    company = root.company()
    refused(root.post(PATH, json=body | {"companyId": company}), 422, "admin_required")
    made = endpoint(root, hook.url, ["alert.raised"])
    for _ in range(2):  # the second one renews the alert
        site.client.post("/api/posts/dispatch", data=b"{}", headers={"Upstash-Signature": "x"})
        site.clock.at += HOUR / 4
    found = json_of(root.get(f"{PATH}/{made['id']}/deliveries"))["data"]
    assert [(one["type"], one["data"]["kind"]) for one in found] == [("alert.raised", "deliveries_refused")]


def refuse_a_delivery(site: Site) -> None:
    """Raise the alert `deliveries_refused`, which the last one's end makes new."""
    with site.services.deps.db.transaction() as tx:
        alerts.clear(tx, "deliveries_refused", "qstash")
    site.clock.at += HOUR / 4
    site.client.post("/api/posts/dispatch", data=b"{}", headers={"Upstash-Signature": "x"})


def told(root: User, made: dict[str, Any]) -> int:
    return len(json_of(root.get(f"{PATH}/{made['id']}/deliveries"))["data"])


def test_maker_who_comes_without_the_role_is_told_no_alerts_until_an_admin_comes(
    site: Site, qstash: MessageServer, hook: Receiver
):
    true_time(site)
    root, former = site.user("root", admin=True), site.user("root")
    made = endpoint(root, hook.url, ["alert.raised"])
    json_of(root.get(PATH))
    refuse_a_delivery(site)
    assert told(root, made) == 1
    json_of(former.get(PATH))
    refuse_a_delivery(site)
    assert told(root, made) == 1
    json_of(root.patch(f"{PATH}/{made['id']}", json={"status": "enabled"}))
    refuse_a_delivery(site)
    assert told(root, made) == 2
    json_of(former.patch(f"{PATH}/{made['id']}", json={"url": hook.url}))
    refuse_a_delivery(site)
    assert told(root, made) == 2


def test_maker_not_seen_as_an_admin_for_a_quarter_is_told_no_alerts_and_an_alert_says_so(
    site: Site, qstash: MessageServer, hook: Receiver
):
    true_time(site)
    root = site.user("root", admin=True)
    made = endpoint(root, hook.url, ["alert.raised"])
    for days, ended in ((60, False), (60, False), (91, True)):  # the first is followed by a call of the maker
        site.clock.at += dt.timedelta(days=days)
        root = site.user("root", admin=True)
        json_of(site.cron.get("/api/posts/recover"))
        standing = {alert["kind"] for alert in json_of(site.client.get("/api/scheduler/status"))["alerts"]}
        assert ("webhook_disabled" in standing) == ended
        json_of(root.get(PATH))
    refuse_a_delivery(site)
    kinds = [one["data"].get("kind") for one in json_of(root.get(f"{PATH}/{made['id']}/deliveries"))["data"]]
    assert "deliveries_refused" not in kinds


def test_endpoint_above_the_quota_is_refused_and_changes_are_audited(database_url: str, make_site: MakeSite):
    site = make_site(database_url, quota_webhook_endpoints=1)
    ada = site.user("ada")
    made = endpoint(ada, PUBLIC)
    refused(ada.post(PATH, json={"url": PUBLIC, "events": POST_EVENTS}), 422, "quota_exceeded")
    json_of(ada.patch(f"{PATH}/{made['id']}", json={"status": "disabled"}))
    json_of(ada.post(f"{PATH}/{made['id']}/rotate-secret"))
    assert ada.delete(f"{PATH}/{made['id']}").status_code == 204
    actions = [entry["action"] for entry in json_of(ada.get("/api/audit"))["data"]]
    names = ["removed", "secret_rotated", "changed", "created"]
    assert actions == [f"endpoint.{name}" for name in names]
    assert site.rows("SELECT count(*) FROM webhook_events")[0][0] == 0
