"""Webhooks out: an event is written with its cause, published through QStash, signed and delivered."""

import datetime as dt
from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.web.hooks import (
    Receiver,
    deliver,
    deliver_all,
    endpoint,
    published_events,
    receiver,
    true_time,
)
from tests.web.site import HOUR, MINUTE, MessageServer, Site, User, json_of, refused


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def ada(site: Site) -> User:
    true_time(site)
    return site.user("ada")


def test_scheduled_post_reaches_the_owner_signed_through_qstash(
    site: Site, qstash: MessageServer, hook: Receiver, ada: User
):
    made = endpoint(ada, hook.url)
    post = ada.scheduled(site.clock.at + HOUR)
    (event_id,) = published_events(qstash)
    assert json_of(deliver(site, event_id)) == {"status": "delivered"}
    (seen,) = hook.server.seen
    (event,) = hook.verified(made["secret"])
    assert seen.headers["webhook-id"] == event_id
    assert event["type"] == "post.scheduled"
    assert {name: event["data"][name] for name in ("postId", "status", "platform", "scheduledAt", "userId")} == {
        "postId": post["id"],
        "status": "scheduled",
        "platform": "linkedin",
        "scheduledAt": post["scheduledAt"],
        "userId": "ada",
    }
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 43 + "=").verify(seen.body, seen.headers)
    assert json_of(deliver(site, event_id)) == {"status": "ignored"}
    log = json_of(ada.get(f"/api/webhook-endpoints/{made['id']}/deliveries"))["data"]
    assert [(one["type"], one["status"], one["attempts"], one["lastStatus"]) for one in log] == [
        ("post.scheduled", "delivered", 1, 204)
    ]


def test_each_act_of_the_author_and_each_report_is_an_event(
    site: Site, qstash: MessageServer, hook: Receiver, ada: User
):
    endpoint(ada, hook.url)
    at = site.clock.at + 30 * MINUTE
    post = ada.scheduled(at)
    ada.post(f"/api/posts/{post['id']}/unschedule")
    ada.schedule(post["id"], at)
    site.clock.at = at
    site.deliver(ada.read(post["id"]))
    urn = "urn:li:share:7391000000000000000"
    site.n8n.post(
        "/api/webhooks/publish-status", json={"postId": post["id"], "status": "published", "linkedinPostUrn": urn}
    )
    ids = published_events(qstash)
    assert len(set(ids)) == 4
    assert deliver_all(site, qstash) == [200] * 4
    assert sorted(hook.types()) == ["post.published", "post.scheduled", "post.scheduled", "post.unscheduled"]
    (published,) = [seen.json()["data"] for seen in hook.server.seen if seen.json()["type"] == "post.published"]
    assert (published["status"], published["externalPostId"]) == ("published", urn)


def test_no_event_is_written_while_nobody_listens(site: Site, qstash: MessageServer, ada: User):
    endpoint(site.user("bob"), "http://127.0.0.1:9/hook")
    endpoint(ada, "http://127.0.0.1:9/hook", ["post.failed"])
    ada.scheduled(site.clock.at + HOUR)
    assert published_events(qstash) == []
    assert site.rows("SELECT count(*) FROM webhook_events")[0][0] == 0


def test_answer_of_the_owner_drives_the_retries_of_qstash(site: Site, qstash: MessageServer, hook: Receiver, ada: User):
    made = endpoint(ada, hook.url)
    ada.scheduled(site.clock.at + HOUR)
    (event_id,) = published_events(qstash)
    hook.status = 500
    refused(deliver(site, event_id), 503, "not_delivered")
    hook.status = 302
    hook.headers = {"Location": hook.url}
    refused(deliver(site, event_id), 503, "not_delivered")
    hook.status = 200
    assert json_of(deliver(site, event_id)) == {"status": "delivered"}
    assert len(hook.server.seen) == 3
    assert len({seen.body for seen in hook.server.seen}) == 1
    view = json_of(ada.get("/api/webhook-endpoints"))["data"][0]
    assert (view["id"], view["failures"], view["status"]) == (made["id"], 0, "enabled")


def test_delivery_needs_the_signature_of_qstash(site: Site, qstash: MessageServer, hook: Receiver, ada: User):
    endpoint(ada, hook.url)
    ada.scheduled(site.clock.at + HOUR)
    (event_id,) = published_events(qstash)
    refused(deliver(site, event_id, key="a-key-that-somebody-else-made-up-himself"), 401, "unauthorized")
    refused(deliver(site, event_id, sub="https://punctual.test/api/posts/dispatch"), 401, "unauthorized")
    refused(deliver(site, "nothing"), 489, "malformed_message")
    assert hook.server.seen == []


def test_rotated_secret_signs_beside_the_former_one_for_a_day(
    site: Site, qstash: MessageServer, hook: Receiver, ada: User
):
    made = endpoint(ada, hook.url)
    path = f"/api/webhook-endpoints/{made['id']}"
    new = json_of(ada.post(f"{path}/rotate-secret"))["secret"]
    json_of(ada.post(f"{path}/test"), 202)
    assert deliver_all(site, qstash) == [200]
    assert hook.verified(made["secret"]) == hook.verified(new)
    assert hook.types() == ["endpoint.test"]
    site.clock.at += dt.timedelta(hours=24)
    json_of(site.user("ada").post(f"{path}/test"), 202)
    assert deliver_all(site, qstash) == [200]
    assert len(hook.server.seen[-1].headers["webhook-signature"].split(" ")) == 1


def test_endpoint_is_switched_off_after_repeated_failures_with_an_alert(
    site: Site, qstash: MessageServer, hook: Receiver, ada: User
):
    made = endpoint(ada, hook.url)
    path = f"/api/webhook-endpoints/{made['id']}"
    hook.status = 410
    for _ in range(20):
        event = json_of(ada.post(f"{path}/test"), 202)
        refused(deliver(site, event["id"]), 489, "delivery_failed")
    view = json_of(ada.get("/api/webhook-endpoints"))["data"][0]
    assert (view["status"], view["failures"]) == ("disabled", 20)
    assert site.rows("SELECT kind, subject FROM alerts")[0][0] == "webhook_disabled"
    refused(ada.post(f"{path}/test"), 409, "endpoint_disabled")
    assert json_of(ada.patch(path, json={"status": "enabled"}))["failures"] == 0
    assert site.rows("SELECT kind FROM alerts") == []


def test_redelivery_has_the_same_id_and_is_published_again(
    site: Site, qstash: MessageServer, hook: Receiver, ada: User
):
    made = endpoint(ada, hook.url)
    event = json_of(ada.post(f"/api/webhook-endpoints/{made['id']}/test"), 202)
    assert deliver_all(site, qstash) == [200]
    site.clock.at += MINUTE
    path = f"/api/webhook-endpoints/{made['id']}/deliveries/{event['id']}/redeliver"
    assert json_of(ada.post(path), 202)["status"] == "pending"
    assert deliver_all(site, qstash) == [200]
    assert [seen.headers["webhook-id"] for seen in hook.server.seen] == [event["id"]] * 2


def test_event_not_taken_by_qstash_is_published_by_the_sweep(
    site: Site, qstash: MessageServer, hook: Receiver, ada: User
):
    endpoint(ada, hook.url)
    qstash.down = True
    ada.scheduled(site.clock.at + HOUR)
    qstash.down, before = False, len(published_events(qstash))
    assert json_of(site.cron.get("/api/posts/recover"))["skipped"] is False
    assert len(published_events(qstash)) == before + 1
    assert set(deliver_all(site, qstash)) == {200}
    assert hook.types() == ["post.scheduled"]
