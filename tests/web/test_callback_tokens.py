"""The token in callbackUrl and claimUrl proves the calls of one attempt, beside the shared secret or in its place."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.domain.callback_tokens import LIFETIME
from tests.adapters.servers import HttpServer, ok, says
from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import BASE, HOUR, MINUTE, NOW, SECOND, Caller, Site, User, json_of, refused

REPORT, CLAIM = "/api/webhooks/publish-status", "/api/webhooks/claim"
SECRET = SECRETS["n8n_callback_secret"]
URN = "urn:li:share:7"


@pytest.fixture
def strict_site(database_url: str, make_site: MakeSite) -> Site:
    return make_site(database_url, callback_shared_secret_allowed=False)


def addresses(n8n: HttpServer, index: int = -1) -> tuple[str, str]:
    """Return callbackUrl and claimUrl of a request to n8n, without the host."""
    body = [seen.json() for seen in n8n.seen if seen.method == "POST"][index]
    urls = body["callbackUrl"], body["claimUrl"]
    assert all(url.startswith(BASE) for url in urls)
    return urls[0].removeprefix(BASE), urls[1].removeprefix(BASE)


def published(post: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"postId": post["id"], "status": "published", "linkedinPostUrn": URN, **fields}


def second_attempt(site: Site, author: User, n8n: HttpServer) -> tuple[dict[str, Any], str, str]:
    """Let a post fail once and go out again. Return it and the callback addresses of both attempts."""
    n8n.answer = says(503, {})
    post = author.scheduled()
    site.clock.at = NOW + HOUR
    assert json_of(site.deliver(post))["status"] == "retry_scheduled"
    n8n.answer = ok
    site.clock.at += 5 * MINUTE
    assert json_of(site.deliver(author.read(post["id"]))) == {"status": "dispatched"}
    return author.read(post["id"]), addresses(n8n, -2)[0], addresses(n8n)[0]


@pytest.mark.parametrize("allowed", [True, False])
def test_token_alone_proves_the_report_and_the_claim_of_its_attempt(
    database_url: str, make_site: MakeSite, n8n: HttpServer, allowed: bool
):
    site = make_site(database_url, callback_shared_secret_allowed=allowed)
    post = site.sent(site.user("alice"))
    callback, claim = addresses(n8n)
    assert urlsplit(callback).path == REPORT
    assert urlsplit(claim).path == CLAIM
    assert json_of(site.anonymous.post(claim, json={"postId": post["id"], "attempt": 1})) == {"granted": True}
    answer = {"received": True, "applied": True, "status": "published"}
    assert json_of(site.anonymous.post(callback, json=published(post))) == answer
    assert json_of(site.anonymous.post(callback, json=published(post)))["applied"] is False


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer wrong"}, {"X-Callback-Secret": "wrong"}, {"X-Callback-Secret": SECRET}],
    ids=["bearer", "header", "right"],
)
def test_token_is_accepted_beside_any_secret(strict_site: Site, n8n: HttpServer, headers: dict[str, str]):
    post = strict_site.sent(strict_site.user("alice"))
    callback, _ = addresses(n8n)
    assert json_of(Caller(strict_site.client, headers).post(callback, json=published(post)))["applied"] is True


def test_shared_secret_at_a_fixed_address_still_works(site: Site, alice: User):
    assert json_of(site.n8n.post(REPORT, json=published(site.sent(alice))))["applied"] is True


def test_shared_secret_is_refused_where_it_is_switched_off(strict_site: Site):
    post = strict_site.sent(strict_site.user("alice"))
    for path, body in ((REPORT, published(post)), (CLAIM, {"postId": post["id"], "attempt": 1})):
        for headers in ({"Authorization": f"Bearer {SECRET}"}, {"X-Callback-Secret": SECRET}):
            answer = refused(Caller(strict_site.client, headers).post(path, json=body), 401, "unauthorized")
            assert "callbackUrl" in answer["detail"]
    assert strict_site.user("alice").read(post["id"])["status"] == "publishing"


@pytest.mark.parametrize("allowed", [True, False])
def test_token_of_another_post_is_refused(database_url: str, make_site: MakeSite, n8n: HttpServer, allowed: bool):
    site = make_site(database_url, callback_shared_secret_allowed=allowed)
    alice = site.user("alice")
    mine, other = site.sent(alice), site.sent(site.user("bob"))
    callback, claim = addresses(n8n, -2)
    for path, body in (
        (callback, published(other)),
        (callback, published(other, attempt=1)),
        (callback, {"postId": other["id"], "status": "failed", "httpStatus": 400}),
        (claim, {"postId": other["id"], "attempt": 1}),
    ):
        refused(site.anonymous.post(path, json=body), 403, "callback_token_mismatch")
    assert site.user("bob").read(other["id"])["status"] == "publishing"
    assert json_of(site.anonymous.post(callback, json=published(mine)))["applied"] is True


def test_token_of_another_attempt_is_refused_and_its_own_attempt_is_taken(strict_site: Site, n8n: HttpServer):
    alice = strict_site.user("alice")
    post, first, second = second_attempt(strict_site, alice, n8n)
    assert first != second
    for path, attempt in ((first, 2), (second, 1), (second, 3)):
        answer = strict_site.anonymous.post(path, json=published(post, attempt=attempt))
        refused(answer, 403, "callback_token_mismatch")
    failed = {"postId": post["id"], "status": "failed", "httpStatus": 400}
    assert json_of(strict_site.anonymous.post(first, json=failed)) == {
        "received": True,
        "applied": False,  # the failure of the first attempt says nothing about the second one
        "status": "publishing",
    }
    assert json_of(strict_site.anonymous.post(second, json=failed))["status"] == "failed"


def test_report_without_an_attempt_takes_that_of_its_token_beside_the_secret(site: Site, alice: User, n8n: HttpServer):
    post, first, _ = second_attempt(site, alice, n8n)
    failed = {"postId": post["id"], "status": "failed", "httpStatus": 400}
    assert json_of(site.n8n.post(first, json=failed))["applied"] is False
    assert json_of(site.n8n.post(first, json=failed | {"attempt": 2}))["status"] == "failed"


def test_late_truth_for_an_earlier_attempt_comes_with_its_own_token(strict_site: Site, n8n: HttpServer):
    alice = strict_site.user("alice")
    post, first, _ = second_attempt(strict_site, alice, n8n)
    strict_site.clock.at += timedelta(days=6)
    assert json_of(strict_site.anonymous.post(first, json=published(post, attempt=1)))["status"] == "published"


def test_token_expires_and_then_the_shared_secret_is_needed(site: Site, alice: User, n8n: HttpServer):
    post = site.sent(alice)
    callback, _ = addresses(n8n)
    site.clock.at += timedelta(seconds=site.settings.publish_lease_seconds) + LIFETIME - SECOND
    assert json_of(site.anonymous.post(callback, json=published(post)))["applied"] is True
    site.clock.at += SECOND
    answer = refused(site.anonymous.post(callback, json=published(post)), 401, "unauthorized")
    assert "expired" in answer["detail"]
    assert json_of(site.n8n.post(callback, json=published(post)))["status"] == "published"


def test_token_of_the_former_secret_still_verifies(database_url: str, make_site: MakeSite, n8n: HttpServer):
    before = make_site(database_url)
    post = before.sent(before.user("alice"))
    callback, _ = addresses(n8n)
    changes: dict[str, Any] = {"n8n_callback_secret": "the-new-secret-of-the-workflow"}
    without, beside = (
        make_site(database_url, **changes),
        make_site(database_url, n8n_callback_secret_previous=SECRET, callback_shared_secret_allowed=False, **changes),
    )
    refused(without.anonymous.post(callback, json=published(post)), 401, "unauthorized")
    assert json_of(beside.anonymous.post(callback, json=published(post)))["applied"] is True


def test_route_without_a_secret_is_closed_to_tokens_too(database_url: str, make_site: MakeSite, n8n: HttpServer):
    before = make_site(database_url)
    post = before.sent(before.user("alice"))
    callback, claim = addresses(n8n)
    closed = make_site(database_url, n8n_callback_secret=None, n8n_callback_secret_previous=SECRET)
    refused(closed.anonymous.post(callback, json=published(post)), 503, "not_configured")
    refused(closed.anonymous.post(claim, json={"postId": post["id"], "attempt": 1}), 503, "not_configured")


def test_installation_without_a_secret_sends_plain_addresses(sqlite_url: str, make_site: MakeSite, n8n: HttpServer):
    site = make_site(sqlite_url, n8n_callback_secret=None)
    site.sent(site.user("alice"))
    assert addresses(n8n) == (REPORT, CLAIM)


def test_body_is_not_read_before_the_proof(small_site: Site, alice_of_small: User, n8n: HttpServer):
    post = small_site.sent(alice_of_small)
    callback, claim = addresses(n8n)
    for path in (callback, claim):
        changed = path[:-1] + ("0" if path[-1] != "0" else "1")
        for body in (b"{", b"\xff", b"[" * 5000, json.dumps(published(post)).encode()):
            refused(small_site.anonymous.post(changed, data=body), 401, "unauthorized")
        refused(small_site.anonymous.post(path, data=b"{"), 400, "malformed_json")


@pytest.fixture
def alice_of_small(small_site: Site) -> User:
    return small_site.user("alice")


def test_repeated_token_is_refused_and_other_parameters_are_ignored(
    small_site: Site, alice_of_small: User, n8n: HttpServer
):
    post = small_site.sent(alice_of_small)
    callback, _ = addresses(n8n)
    refused(small_site.anonymous.post(f"{callback}&token=x", json=published(post)), 401, "unauthorized")
    refused(small_site.anonymous.post(f"{REPORT}?Token={callback}", json=published(post)), 401, "unauthorized")
    answer = small_site.anonymous.post(f"{callback}&execution=7&execution=8", json=published(post))
    assert json_of(answer)["applied"] is True


def test_post_id_in_capitals_is_still_the_post_of_the_token(small_site: Site, alice_of_small: User, n8n: HttpServer):
    post = small_site.sent(alice_of_small)
    body = published(post) | {"postId": f" {post['id'].upper()}\n"}
    assert json_of(small_site.anonymous.post(addresses(n8n)[0], json=body))["applied"] is True


def test_token_is_in_no_answer_log_line_alert_or_row(site: Site, alice: User, n8n: HttpServer):
    n8n.answer = lambda seen: (400, {}, seen.body)  # a workflow that echoes its input
    post = alice.scheduled()
    site.clock.at = NOW + HOUR
    site.deliver(post)
    n8n.answer = ok
    other = site.sent(site.user("bob"))
    callback, claim = addresses(n8n)
    proof = callback[-64:]
    answers = [
        site.anonymous.post(callback, json={"postId": post["id"], "status": "published"}),
        site.anonymous.post(claim, json={"postId": other["id"], "attempt": 9}),
        site.anonymous.post(callback, data=b"{"),
        site.anonymous.get(callback),
        site.anonymous.post(callback.replace("publish-status", "nowhere"), json={}),
        site.n8n.post(
            callback, json={"postId": other["id"], "status": "failed", "error": f"POST {BASE}{callback}: 500"}
        ),
        site.anonymous.get("/api/scheduler/status"),
        alice.get(f"/api/posts/{post['id']}/timeline"),
        site.user("bob").get(f"/api/posts/{other['id']}/timeline"),
    ]
    site.clock.at += timedelta(days=30)
    answers.append(site.anonymous.post(callback, json=published(other)))
    assert [answer.status_code for answer in answers] == [403, 403, 400, 405, 404, 200, 200, 200, 200, 401]
    stored = [str(row) for table in ("posts", "attempts", "alerts") for row in site.rows(f"SELECT * FROM {table}")]
    for text in (*[answer.get_data(as_text=True) for answer in answers], *site.log, *stored):
        assert proof not in text


def test_wrong_token_raises_the_alert_and_a_right_one_clears_it(site: Site, alice: User, n8n: HttpServer):
    def kinds() -> list[str]:
        return [alert["kind"] for alert in json_of(site.anonymous.get("/api/scheduler/status"))["alerts"]]

    post, other = site.sent(alice), site.sent(site.user("bob"))
    callback, _ = addresses(n8n)
    site.anonymous.post(callback, json=published(post))
    assert "reports_refused" in kinds()
    site.clock.at += 2 * MINUTE
    site.anonymous.post(callback, json=published(other))
    assert "reports_refused" not in kinds()
