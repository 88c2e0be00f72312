"""Failed proofs by address: 429 and no log above the limit, and a valid proof passes from the same address."""

import datetime as dt
from collections.abc import Callable

import jwt
import pytest
from werkzeug.test import TestResponse

from app.settings.readers import Rate
from app.web import failed_proofs
from tests.support.databases import record_transactions
from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import BASE, NOW, SECOND, Caller, Site, json_of, refused, signature

LIMIT = 3
REPORT = {"postId": "00000000-0000-4000-8000-000000000000", "status": "published"}
MESSAGE = {"id": REPORT["postId"], "userId": "ann", "generation": 1}
Call = Callable[[Site], TestResponse]
FAILURES: dict[str, tuple[Call, Call]] = {
    "token": (
        lambda site: bearer(site, "not.a.token").get("/api/posts"),
        lambda site: site.user("ann").get("/api/posts"),
    ),
    "forged": (
        lambda site: bearer(site, jwt.encode({"sub": "ann"}, "x" * 40)).get("/api/posts"),
        lambda site: site.user("ann").get("/api/posts"),
    ),
    "report": (
        lambda site: Caller(site.client, {"X-Callback-Secret": "wrong"}).post(
            "/api/webhooks/publish-status", json=REPORT
        ),
        lambda site: site.n8n.post("/api/webhooks/publish-status", json=REPORT),
    ),
    "cron": (
        lambda site: bearer(site, "wrong").get("/api/posts/recover"),
        lambda site: site.cron.get("/api/posts/recover"),
    ),
    "signature": (
        lambda site: site.signed("/api/posts/dispatch", b"{}", sub="https://other.example"),
        lambda site: site.deliver(MESSAGE),
    ),
    "internal": (
        lambda site: site.signed("/api/posts/dispatch", b"{}", {"X-Internal-Secret": "wrong"}),
        lambda site: site.deliver(MESSAGE),
    ),
    "admin": (
        lambda site: bearer(site, "wrong").post("/api/scheduler/run"),
        lambda site: bearer(site, SECRETS["admin_secret_key"]).post("/api/scheduler/run"),
    ),
}


@pytest.fixture
def limited(database_url: str, make_site: MakeSite) -> Site:
    return make_site(database_url, rate_limits=True, rate_limit_failed_proofs=Rate(LIMIT, 60))


def bearer(site: Site, token: str) -> Caller:
    return Caller(site.client, {"Authorization": f"Bearer {token}"})


def refusals(site: Site) -> int:
    return sum(len(site.events(name)) for name in ("auth.refused", "secret.refused", "delivery.refused"))


@pytest.mark.parametrize(("fail", "pass_"), FAILURES.values(), ids=FAILURES)
def test_failures_above_the_limit_answer_429_and_a_valid_proof_passes(limited: Site, fail: Call, pass_: Call):
    for _ in range(LIMIT):
        refused(fail(limited), 401, "unauthorized")
    answer = fail(limited)
    refused(answer, 429, "rate_limited")
    assert answer.headers["Retry-After"] == "60"
    assert answer.headers["RateLimit-Policy"] == f'"failed-proofs";q={LIMIT};w=60'
    assert answer.headers["RateLimit"] == '"failed-proofs";r=0;t=60'
    assert pass_(limited).status_code not in (401, 429)
    refused(fail(limited), 429, "rate_limited")
    limited.clock.at = NOW + 60 * SECOND
    refused(fail(limited), 401, "unauthorized")


def test_flood_of_failures_costs_no_write_and_two_lines_more(limited: Site):
    fail = FAILURES["signature"][0]
    fail(limited)  # raises the alert
    with record_transactions(limited.services.deps.db.engine) as begun:
        for _ in range(50):
            fail(limited)
    assert begun == []
    assert refusals(limited) == LIMIT
    assert [line["address"] for line in limited.events("proofs.limited")] == ["127.0.0.1"]


def test_failures_are_counted_by_address_and_all_kinds_together(limited: Site):
    for kind in ("token", "report", "cron"):
        refused(FAILURES[kind][0](limited), 401, "unauthorized")
    refused(FAILURES["signature"][0](limited), 429, "rate_limited")
    wrong = {"Authorization": "Bearer wrong"}
    other = limited.client.get("/api/posts", headers=wrong, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    refused(other, 401, "unauthorized")


def test_missing_and_expired_tokens_are_always_401_so_that_clients_sign_in_again(limited: Site):
    ann = limited.user("ann")
    limited.clock.at = NOW + dt.timedelta(days=2)
    for _ in range(LIMIT + 3):
        refused(limited.anonymous.get("/api/posts"), 401, "unauthorized")
        refused(ann.get("/api/posts"), 401, "unauthorized")
    assert refusals(limited) == LIMIT


def test_failures_pass_unlimited_and_logged_where_limits_are_off(small_site: Site):
    for _ in range(100):
        refused(bearer(small_site, "wrong").get("/api/posts"), 401, "unauthorized")
    assert refusals(small_site) == 100


def test_memory_for_addresses_is_bounded(limited: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(failed_proofs, "MAX_ADDRESSES", 5)
    found = failed_proofs.FailedProofs(limited.services.deps)
    for number in range(50):
        assert found.count(f"192.0.2.{number}") == (1, 60.0)
    assert len(found._windows) == 5
    assert found.count("192.0.2.49")[0] == 2
    limited.clock.at = NOW - dt.timedelta(days=1)
    assert found.count("192.0.2.49")[0] == 1  # a clock that was put back begins a window


def test_signed_delivery_passes_while_its_address_fails(limited: Site):
    body = b"{}"
    for _ in range(LIMIT + 5):
        limited.client.post("/api/posts/dispatch", data=body, headers={"Upstash-Signature": "forged"})
    assert json_of(limited.deliver(MESSAGE)) == {"status": "ignored", "reason": "unknown"}
    old = signature(BASE + "/api/posts/dispatch", body, NOW, key="qstash_next_signing_key")
    answer = limited.client.post("/api/posts/dispatch", data=body, headers={"Upstash-Signature": old})
    assert answer.status_code == 429  # signed, and without the internal secret
