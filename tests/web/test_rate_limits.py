"""Rate limits: who is counted, the answers and headers, what is never limited, and an absent database."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from app import rate_limits
from app.settings.readers import Rate
from app.store.engine import make_engine
from tests.support.databases import record_statements
from tests.web.conftest import MakeSite
from tests.web.site import NOW, SECOND, Site, User, json_of, refused, wire_form

LIMITS = {
    "rate_limits": True,
    "rate_limit_reads": Rate(3, 60),
    "rate_limit_writes": Rate(2, 60),
    "rate_limit_public": Rate(2, 60),
}
STATUS, POSTS = "/api/scheduler/status", "/api/posts"


@pytest.fixture
def limited(database_url: str, make_site: MakeSite) -> Site:
    return make_site(database_url, **LIMITS)


def headers(answer: TestResponse) -> tuple[str | None, str | None, str | None]:
    given = answer.headers
    return given.get("RateLimit-Policy"), given.get("RateLimit"), given.get("Retry-After")


def test_reads_above_the_limit_answer_429_with_the_wait_until_the_window_ends(limited: Site):
    ann = limited.user("ann")
    for left in (2, 1, 0):
        assert headers(ann.get(POSTS)) == ('"reads";q=3;w=60', f'"reads";r={left};t=60', None)
    limited.clock.at = NOW + 20 * SECOND
    answer = ann.get(POSTS)
    body = refused(answer, 429, "rate_limited")
    assert "40 seconds" in body["detail"]
    assert headers(answer) == ('"reads";q=3;w=60', '"reads";r=0;t=40', "40")
    limited.clock.at = NOW + 60 * SECOND
    assert headers(ann.get(POSTS))[1] == '"reads";r=2;t=60'


def test_reads_and_writes_are_counted_apart_and_users_too(limited: Site):
    ann, bob = limited.user("ann"), limited.user("bob")
    with record_statements(limited.services.deps.db.engine, "INSERT INTO rate_limits") as counted:
        for _ in range(2):
            ann.draft()
        refused(ann.post(POSTS, json={"content": "x"}), 429, "rate_limited")
        assert json_of(ann.get(POSTS))["data"]
    assert len(counted) == 4  # one for each request
    assert bob.draft()


def test_a_refused_write_changes_nothing_and_is_not_kept_under_its_key(limited: Site):
    ann, key = limited.user("ann"), {"Idempotency-Key": "k1"}
    for _ in range(2):
        ann.draft()
    refused(ann.post(POSTS, json={"content": "x"}, headers=key), 429, "rate_limited")
    limited.clock.at = NOW + 60 * SECOND
    assert ann.post(POSTS, json={"content": "x"}, headers=key).status_code == 201


def test_every_route_of_a_user_is_limited(limited: Site):
    ann = limited.user("ann")
    for _ in range(3):
        ann.get(POSTS)
        ann.delete(f"{POSTS}/x")
    paths = ("/api/social-accounts", "/api/companies", f"{POSTS}/x", f"{POSTS}/x/timeline")
    assert [ann.get(path).status_code for path in paths] == [429] * 4
    connect = "/api/social-accounts/linkedin/connect"  # a GET that writes
    assert headers(ann.get(connect))[0] == '"writes";q=2;w=60'
    assert ann.post(f"{POSTS}/recover", json={}).status_code == 429
    assert limited.user("ann", admin=True).post("/api/scheduler/run").status_code == 429


def test_refused_proof_spends_nothing_of_a_user(limited: Site):
    for _ in range(5):
        refused(limited.anonymous.get(POSTS), 401, "unauthorized")
    assert headers(limited.user("ann").get(POSTS))[1] == '"reads";r=2;t=60'


def test_status_is_limited_by_address_and_an_admins_secret_is_not(limited: Site):
    for _ in range(2):
        json_of(limited.anonymous.get(STATUS))
    answer = limited.anonymous.get(STATUS)
    refused(answer, 429, "rate_limited")
    assert headers(answer)[0] == '"public";q=2;w=60'
    other = limited.client.get(STATUS, environ_base={"REMOTE_ADDR": "192.0.2.9"})
    assert other.status_code == 200
    secret = {"Authorization": f"Bearer {limited.settings.admin_secret_key}"}
    assert {limited.client.post("/api/scheduler/run", headers=secret).status_code for _ in range(4)} == {200}


def test_machines_with_a_valid_proof_are_never_limited_nor_counted(limited: Site):
    ann = limited.user("ann")
    ann.account()
    post = ann.draft()
    limited.clock.at = NOW + 60 * SECOND
    ann.schedule(post["id"], NOW + 3600 * SECOND)
    post = ann.read(post["id"])
    report = {"postId": post["id"], "status": "failed"}
    with record_statements(limited.services.deps.db.engine, "INSERT INTO rate_limits") as counted:
        for _ in range(8):
            assert limited.deliver(post).status_code == 200
            assert limited.n8n.post("/api/webhooks/publish-status", json=report).status_code in (200, 409)
            assert limited.cron.get("/api/posts/recover").status_code == 200
            assert limited.signed("/api/posts/recover", b"").status_code == 200
    assert counted == []


def test_health_is_never_refused_and_documents_cost_no_count(limited: Site):
    with record_statements(limited.services.deps.db.engine, "INSERT INTO rate_limits") as counted:
        for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
            assert {limited.anonymous.get(path).status_code for _ in range(8)} <= {200, 503}
    assert counted == []


def test_limits_are_shared_by_workers(database_url: str, make_site: MakeSite):
    first, second = make_site(database_url, **LIMITS), make_site(database_url, **LIMITS)
    for site in (first, second, first):
        json_of(site.user("ann").get(POSTS))
    refused(second.user("ann").get(POSTS), 429, "rate_limited")


def test_switched_off_limits_count_nothing_and_send_no_header(site: Site, alice: User):
    with record_statements(site.services.deps.db.engine, "INSERT INTO rate_limits") as counted:
        assert headers(alice.get(POSTS)) == (None, None, None)
    assert counted == []


def test_locked_table_of_limits_lets_requests_pass_quickly(postgresql_url: str, make_site: MakeSite):
    limited = make_site(postgresql_url, **LIMITS)
    ann = limited.user("ann")
    engine = make_engine(postgresql_url)
    with engine.begin() as holder:
        holder.execute(sa.text("LOCK TABLE rate_limits"))
        began = time.monotonic()
        for _ in range(6):
            assert headers(ann.get(POSTS)) == (None, None, None)
        took = time.monotonic() - began
    engine.dispose()
    assert took < 2.0  # one wait of half a second, then a pause
    assert len(limited.events("rate_limit.not_counted")) == 1
    limited.clock.at = NOW + rate_limits.PAUSE
    assert headers(ann.get(POSTS))[1] is not None


def test_missing_table_of_limits_lets_requests_pass(limited: Site):
    with limited.services.deps.db.transaction() as tx:
        tx.execute(sa.text("DROP TABLE rate_limits"))
    for _ in range(6):
        assert limited.user("ann").get(POSTS).status_code == 200
    assert limited.anonymous.get(STATUS).status_code == 200


def test_addresses_without_number_write_a_bounded_number_of_rows(limited: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.web.client_address.BUCKETS", 4)
    for number in range(30):
        limited.client.get(STATUS, environ_base={"REMOTE_ADDR": f"2001:db8:0:{number:x}::1"})
    assert len(limited.rows("SELECT key FROM rate_limits")) == 4


def test_sweep_prunes_ended_windows(limited: Site):
    json_of(limited.user("ann").get(POSTS))
    limited.cron.get("/api/posts/recover")
    assert len(limited.rows("SELECT key FROM rate_limits")) == 1
    limited.clock.at = NOW + 61 * SECOND
    limited.cron.get("/api/posts/recover")
    assert limited.rows("SELECT key FROM rate_limits") == []


def test_cors_exposes_the_headers_of_limits(sqlite_url: str, make_site: MakeSite):
    site = make_site(sqlite_url, cors_origins=("https://app.example.com",), **LIMITS)
    answer = site.user("ann").get(POSTS, headers={"Origin": "https://app.example.com"})
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(
        answer.headers["Access-Control-Expose-Headers"].split(", ")
    )


def test_limiter_is_not_imported_by_a_cold_start_or_a_delivery(sqlite_url: str):
    code = (
        "import sys, json\nfrom app import create_app\nfrom app.settings.values import Settings\n"
        f"app = create_app(Settings(database_url={sqlite_url!r}, public_base_url='https://x.example',"
        " qstash_current_signing_key='k' * 32))\n"
        "status = app.test_client().post('/api/posts/dispatch', data=b'{}').status_code\n"
        "print(json.dumps([status, [m for m in ('limits', 'flask_limiter', 'rich') if m in sys.modules]]))"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [401, []]


def test_limiter_answers_the_statistics_that_the_library_may_ask_for(limited: Site):
    from limits import RateLimitItemPerMinute
    from limits.strategies import FixedWindowRateLimiter

    from app.rate_limits import CallCounter
    from app.web.limiter import SqlStorage

    limiter = FixedWindowRateLimiter(SqlStorage(counter=CallCounter(limited.services.deps)))
    item = RateLimitItemPerMinute(2)
    with limited.app.app_context():
        assert [limiter.hit(item, "ann") for _ in range(3)] == [True, True, False]
        assert not limiter.test(item, "ann")
        assert limiter.get_window_stats(item, "ann") == ((NOW + 60 * SECOND).timestamp(), 0)
        limiter.clear(item, "ann")
        assert limiter.test(item, "ann")
        limiter.storage.reset()
    assert limiter.storage.check()


def test_author_is_not_limited_by_the_defaults_at_a_sane_rate(sqlite_url: str, make_site: MakeSite):
    ann = make_site(sqlite_url, rate_limits=True).user("ann")
    ann.account()
    for number in range(20):
        post = ann.draft(content=f"Post {number}")
        ann.schedule(post["id"], NOW + 3600 * SECOND)
        assert ann.read(post["id"])["scheduledAt"] == wire_form(NOW + 3600 * SECOND)
