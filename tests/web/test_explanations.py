"""A platform's error: the author gets a sentence with its cure, the operator the masked original."""

import json

from tests.adapters.servers import HttpServer
from tests.web.site import HOUR, Site, User, json_of

TOKEN = "EAAB" + "Zx9k" * 20
IMAGE = [{"url": "https://cdn.example.com/a.png", "type": "image"}]


def test_platform_error_is_explained_and_stored_masked(site: Site, alice: User):
    post = site.sent(alice, platform="instagram", media=IMAGE)
    raw = {"error": {"message": f"no: access_token={TOKEN}", "code": 36003, "error_subcode": 2207009}}
    report = {"postId": post["id"], "status": "failed", "httpStatus": 400, "errorMessage": f"400 - {json.dumps(raw)}"}
    assert json_of(site.n8n.post("/api/webhooks/publish-status", json=report))["status"] == "failed"
    after = alice.read(post["id"])
    assert after["errorCode"] == "aspect_ratio_not_supported"
    assert after["errorMessage"] == (
        "An image is too tall or too wide for the platform. "
        "Crop it to between 4:5 and 1.91:1, then schedule the post again."
    )
    (attempt,) = alice.timeline(post["id"])["attempts"]
    assert "2207009" in attempt["error"]
    assert "access_token=***" in attempt["error"]
    everything = json.dumps([after, alice.timeline(post["id"]), site.log])
    assert TOKEN not in everything
    assert TOKEN[:20] not in everything


def test_rate_limit_inside_a_400_is_retried(site: Site, alice: User):
    post = site.sent(alice, platform="facebook")
    report = {
        "postId": post["id"],
        "status": "failed",
        "httpStatus": 400,
        "errorCode": 32,
        "errorMessage": "(#32) limit",
    }
    assert json_of(site.n8n.post("/api/webhooks/publish-status", json=report))["status"] == "scheduled"
    assert alice.read(post["id"])["errorCode"] == "platform_busy"


def test_a_token_that_n8n_echoes_is_not_kept(site: Site, alice: User, n8n: HttpServer):
    n8n.answer = lambda _: (422, {}, f'{{"hint":"Authorization: Bearer {TOKEN}"}}'.encode())
    post = alice.scheduled()
    site.clock.at += HOUR
    assert json_of(site.deliver(post))["status"] == "failed"
    (attempt,) = alice.timeline(post["id"])["attempts"]
    assert attempt["error"] == '{"hint":"Authorization: ***"}'


RAW = "connect ECONNREFUSED 10.0.0.5:5432 (POST https://n8n.corp.example/webhook/x?token=abc)"
SHOWN = "connect ECONNREFUSED [address] (POST [address])"


def test_raw_error_is_for_operators_and_authors_see_none_of_the_installation(site: Site, alice: User):
    post = site.sent(alice)
    report = {"postId": post["id"], "status": "failed", "httpStatus": 400, "errorMessage": RAW}
    assert json_of(site.n8n.post("/api/webhooks/publish-status", json=report))["status"] == "failed"
    [attempt] = alice.timeline(post["id"])["attempts"]
    assert attempt["error"] == SHOWN
    assert "10.0.0.5" not in json.dumps([alice.read(post["id"]), alice.timeline(post["id"])])
    [raw] = site.user("alice", admin=True).timeline(post["id"])["attempts"]
    assert raw["error"] == RAW
    assert [line["error"] for line in site.events("post.settled") if line["outcome"] == "permanent"] == [RAW]


def test_raw_answer_of_n8n_is_for_operators_too(site: Site, alice: User, n8n: HttpServer):
    n8n.answer = lambda _: (422, {}, b"Error: bad\n    at Object.run (/usr/lib/node_modules/n8n/a.js:1:2)")
    post = alice.scheduled()
    site.clock.at += HOUR
    assert json_of(site.deliver(post))["status"] == "failed"
    assert alice.timeline(post["id"])["attempts"][0]["error"] == "Error: bad"
    assert "node_modules" in site.user("alice", admin=True).timeline(post["id"])["attempts"][0]["error"]
