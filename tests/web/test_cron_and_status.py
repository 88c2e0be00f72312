"""The cron's sweep, and the scheduler's public status."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.adapters.servers import HttpServer, says
from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, MINUTE, NOW, Caller, MessageServer, Site, User, json_of, refused, wire_form

RECOVER, POLL, STATUS = "/api/posts/recover", "/api/cron/publish-scheduled", "/api/scheduler/status"
SWEPT = {"recovered", "total", "expired", "armed", "held", "remaining", "durationMs", "skipped"}
POLLED = {"processed", "failed", "total", "remaining", "skipped"}
STATE = {
    "operational",
    "database",
    "messageService",
    "publisher",
    "lastRunAt",
    "lastRunDurationMs",
    "lastRunStatus",
    "totalRuns",
    "totalPublished",
    "totalProcessed",
    "totalFailed",
    "executionLock",
    "queue",
    "overdue",
    "oldestOverdueSeconds",
    "parked",
    "unarmed",
    "nextScheduledAt",
    "lateness",
    "n8n",
    "alarm",
    "publishedLateness",
    "paused",
    "breaker",
    "alerts",
}
QUEUE = {"draft", "scheduled", "publishing", "published", "failed", "cancelled"}


@pytest.mark.parametrize("path", [RECOVER, POLL])
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer wrong",
        f"Bearer {SECRETS['cron_secret']}x",
        SECRETS["cron_secret"],
        f"Bearer {SECRETS['admin_secret_key']}",
    ],
    ids=["none", "wrong", "longer", "bare", "admins"],
)
def test_sweep_route_needs_the_cron_secret(small_site: Site, path: str, header: str):
    refused(Caller(small_site.client, {"Authorization": header}).get(path), 401, "unauthorized")
    refused(small_site.user("root", admin=True).get(path), 401, "unauthorized")


@pytest.mark.parametrize("path", [RECOVER, POLL])
def test_sweep_route_without_a_cron_secret_is_closed(sqlite_url: str, make_site: MakeSite, path: str):
    site = make_site(sqlite_url, cron_secret=None)
    answer = site.cron.get(path)
    refused(answer, 503, "not_configured")
    assert "CRON" not in answer.get_data(as_text=True)
    assert site.events("not_configured")[0]["setting"] == "CRON_SECRET"


def test_sweep_dispatches_an_overdue_post_whose_message_had_its_chance(
    site: Site, alice: User, qstash: MessageServer, n8n: HttpServer
):
    post = alice.scheduled()
    site.clock.at = NOW + HOUR + MINUTE
    body = json_of(site.cron.get(RECOVER))
    assert set(body) == SWEPT
    assert {name: body[name] for name in SWEPT - {"durationMs"}} == {
        "recovered": 1,
        "total": 1,
        "expired": 0,
        "armed": 0,
        "held": 0,
        "remaining": 0,
        "skipped": False,
    }
    assert isinstance(body["durationMs"], int)
    assert len(n8n.seen) == 1
    assert alice.read(post["id"])["status"] == "publishing"


@pytest.mark.parametrize("path", [RECOVER, POLL])
def test_sweep_by_a_wrong_clock_answers_skipped_with_the_difference(
    postgresql_url: str, make_site: MakeSite, path: str
):
    site = make_site(postgresql_url)
    site.clock.at = datetime.now(UTC) + HOUR
    object.__setattr__(site.services.deps, "database_clock", True)
    answer = site.cron.get(path)
    body = json_of(answer)
    assert (answer.status_code, body["skipped"], body["reason"]) == (200, True, "clock_skew")
    assert 3590 < body["clockSkewSeconds"] < 3610
    assert "clock_skew" in [alert["kind"] for alert in json_of(site.anonymous.get(STATUS))["alerts"]]
    site.clock.at = datetime.now(UTC)
    assert "reason" not in json_of(site.cron.get(path))


def test_sweep_dispatches_itself_while_the_message_service_is_down(
    site: Site, alice: User, qstash: MessageServer, n8n: HttpServer
):
    alice.scheduled()
    qstash.down = True
    site.clock.at = NOW + HOUR + MINUTE
    body = json_of(site.cron.get(RECOVER))
    assert (body["recovered"], body["total"], body["remaining"]) == (1, 1, 0)
    assert len(n8n.seen) == 1


def test_poll_mode_publishes_without_a_message_service(database_url: str, make_site: MakeSite, n8n: HttpServer):
    site = make_site(database_url, qstash_token=None)
    alice = site.user("alice")
    alice.account()
    due, later = alice.draft(), alice.draft()
    answer = alice.schedule(due["id"], NOW + MINUTE)
    assert (answer["armed"], answer["messageId"], answer["warnings"]) == (False, None, [])
    alice.schedule(later["id"], NOW + HOUR)
    body = json_of(site.cron.get(POLL))
    assert set(body) == POLLED
    assert body == {"processed": 0, "failed": 0, "total": 0, "remaining": 0, "skipped": False}
    site.clock.at = NOW + MINUTE + MINUTE
    assert json_of(site.cron.get(POLL)) == {"processed": 1, "failed": 0, "total": 1, "remaining": 0, "skipped": False}
    assert [seen.json()["postId"] for seen in n8n.seen] == [due["id"]]
    state = json_of(site.anonymous.get(STATUS))
    assert (state["totalRuns"], state["totalProcessed"], state["totalFailed"]) == (2, 1, 0)
    assert alice.timeline(due["id"])["attempts"][0]["trigger"] == "poll"


def test_concurrent_sweep_is_skipped(site: Site):
    deps = site.services.deps
    from app.store.operations import runs

    runs.acquire_lease(deps.db, runs.SWEEP, "another", now=NOW, until=NOW + MINUTE)
    assert json_of(site.cron.get(RECOVER))["skipped"] is True
    assert json_of(site.cron.get(POLL))["skipped"] is True
    assert json_of(site.user("root", admin=True).post("/api/scheduler/run"))["result"]["skipped"] is True
    lock = json_of(site.anonymous.get(STATUS))["executionLock"]
    assert lock == {"held": True, "by": "another", "expiresAt": wire_form(NOW + MINUTE)}
    site.clock.at = NOW + MINUTE
    assert json_of(site.cron.get(RECOVER))["skipped"] is False


def test_status_of_an_empty_scheduler_has_every_field(site: Site):
    state = json_of(site.anonymous.get(STATUS))
    assert set(state) == STATE
    assert (state["operational"], state["database"]) == (True, "ok")
    assert (state["lastRunAt"], state["lastRunDurationMs"], state["lastRunStatus"], state["totalRuns"]) == (
        None,
        None,
        None,
        0,
    )
    assert state["executionLock"] == {"held": False, "by": None, "expiresAt": None}
    assert state["queue"] == dict.fromkeys(QUEUE, 0)
    assert (state["overdue"], state["oldestOverdueSeconds"], state["parked"], state["unarmed"]) == (0, None, 0, 0)
    assert state["lateness"] == {
        "p50Ms": None,
        "p95Ms": None,
        "p99Ms": None,
        "maxMs": None,
        "count": 0,
        "window": "24h",
    }
    assert state["breaker"] == {"state": "closed", "openedAt": None}
    assert (state["nextScheduledAt"], state["alerts"], state["totalPublished"]) == (None, [], 0)


def test_status_counts_posts(site: Site, alice: User, qstash: MessageServer):
    first = site.sent(alice)
    json_of(site.n8n.post("/api/webhooks/publish-status", json={"postId": first["id"], "status": "published"}))
    alice.draft()
    alice.scheduled(NOW + 2 * HOUR)
    qstash.down = True
    alice.scheduled(NOW + 3 * HOUR)
    state = json_of(site.anonymous.get(STATUS))
    assert state["queue"] == dict.fromkeys(QUEUE, 0) | {"draft": 1, "scheduled": 2, "published": 1}
    assert (state["totalPublished"], state["unarmed"], state["overdue"]) == (1, 1, 0)
    assert state["nextScheduledAt"] == wire_form(NOW + 2 * HOUR)
    assert state["lateness"] == {"p50Ms": 0, "p95Ms": 0, "p99Ms": 0, "maxMs": 0, "count": 1, "window": "24h"}
    site.clock.at = NOW + 2 * HOUR + MINUTE
    state = json_of(site.anonymous.get(STATUS))
    assert (state["overdue"], state["oldestOverdueSeconds"]) == (1, 60)
    json_of(site.cron.get(RECOVER))
    state = json_of(site.anonymous.get(STATUS))
    assert (state["lastRunAt"], state["lastRunStatus"], state["totalRuns"]) == (wire_form(site.clock.at), "ok", 1)


def test_status_shows_n8n_failures(database_url: str, make_site: MakeSite, n8n: HttpServer):
    site = make_site(database_url, breaker_threshold=1)
    n8n.answer = says(500, {})
    alice = site.user("alice")
    post = alice.scheduled()
    site.clock.at = NOW + HOUR
    json_of(site.deliver(post))
    state = json_of(site.anonymous.get(STATUS))
    assert state["operational"] is False
    assert state["breaker"] == {"state": "open", "openedAt": wire_form(NOW + HOUR)}
    assert {frozenset(alert) for alert in state["alerts"]} == {
        frozenset({"kind", "subject", "since", "lastAt", "count", "detail"})
    }
    assert {alert["kind"]: alert["subject"] for alert in state["alerts"]} == {
        "breaker_open": "n8n",
        "no_sweep": "scheduler",  # since the post was written an hour ago
    }


def test_status_shows_no_user_data(site: Site, alice: User):
    post = site.sent(alice, content="A very private text")
    urns = ("urn:li:share:7", "urn:li:share:8")
    for urn in urns:
        body = {"postId": post["id"], "status": "published", "linkedinPostUrn": urn}
        json_of(site.n8n.post("/api/webhooks/publish-status", json=body))
    text = json.dumps(json_of(site.anonymous.get(STATUS)))
    private: list[Any] = ["alice", "Alice", "private text", post["socialAccountId"], *urns]
    assert [value for value in private if value in text] == []


def test_status_without_services_shows_none(sqlite_url: str, make_site: MakeSite):
    state = json_of(make_site(sqlite_url, qstash_token=None, n8n_webhook_url=None).anonymous.get(STATUS))
    assert (state["operational"], state["messageService"], state["publisher"]) == (False, "none", "none")


def test_healthz_answers_ok(site: Site):
    body = json_of(site.anonymous.get("/healthz"))
    assert (body["status"], body["database"], set(body)) == ("ok", "ok", {"status", "database", "version"})
