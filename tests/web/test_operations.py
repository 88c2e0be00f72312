"""Operators' figures: lateness and its causes, tries, sweeps and services, for admins alone."""

import json
from datetime import timedelta
from typing import Any

import pytest

from app.pause import pause, resume
from tests.adapters.servers import HttpServer, says
from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, MINUTE, NOW, SECOND, Caller, MessageServer, Site, User, json_of, refused, wire_form

BASE = "/api/operations"
FIGURES = [f"{BASE}/{name}" for name in ("lateness", "attempts", "sweeps", "services")]
DUE = NOW + HOUR


@pytest.fixture
def root(site: Site) -> User:
    return site.user("root", admin=True)


def admin(site: Site) -> Caller:
    """Return automation with the admin secret: it outlives the tokens of a moved clock."""
    return Caller(site.client, {"Authorization": f"Bearer {SECRETS['admin_secret_key']}"})


def figures(site: Site, name: str) -> Any:
    return json_of(admin(site).get(f"{BASE}/{name}"))


def late_of(site: Site) -> list[dict[str, Any]]:
    return list(figures(site, "lateness")["latestLate"])


@pytest.mark.parametrize("path", FIGURES)
def test_figures_are_for_admins_and_the_admin_secret_alone(small_site: Site, path: str):
    refused(small_site.user("alice").get(path), 403, "admin_required")
    refused(small_site.anonymous.get(path), 401, "unauthorized")
    json_of(small_site.user("root", admin=True).get(path))
    json_of(admin(small_site).get(path))
    refused(admin(small_site).get(f"{path}?colour=blue"), 422, "invalid_fields")


def test_unknown_window_is_refused_with_the_known_ones(small_site: Site):
    for path in FIGURES[:2]:
        problem = refused(admin(small_site).get(f"{path}?window=2d"), 422, "invalid_fields")
        assert "1h, 24h, 7d, 30d" in problem["errors"][0]["message"]


def test_empty_installation_has_every_bucket_and_no_values(site: Site, root: User):
    for window, number, seconds in (("1h", 60, 60), ("24h", 48, 1800), ("7d", 56, 10_800), ("30d", 60, 43_200)):
        found = json_of(root.get(f"{BASE}/lateness?window={window}"))
        assert (len(found["buckets"]), found["bucketSeconds"]) == (number, seconds)
        assert found["from"] == found["buckets"][0]["at"]
        assert {bucket["count"] for bucket in found["buckets"]} == {0}
        assert (found["all"]["p99Ms"], sum(found["all"]["histogram"]), found["latestLate"]) == (None, 0, [])
    tries = json_of(root.get(f"{BASE}/attempts"))
    assert (tries["count"], tries["perHour"], tries["outcomes"], len(tries["nextHour"])) == (0, 0, {}, 60)
    assert json_of(root.get(f"{BASE}/sweeps")) == {"runs": []}


def test_lateness_is_shown_by_bucket_and_platform(site: Site, alice: User):
    first = alice.scheduled(DUE)
    second = site.user("bob").scheduled(DUE, platform="facebook")
    site.clock.at = DUE + 0.02 * SECOND
    json_of(site.deliver(first))
    site.clock.at = DUE + 0.3 * SECOND
    json_of(site.deliver(second))
    found = figures(site, "lateness?window=1h")
    assert [(one["platform"], one["p50Ms"], one["count"]) for one in found["platforms"]] == [
        ("facebook", 300.0, 1),
        ("linkedin", 20.0, 1),
    ]
    assert (found["all"]["p50Ms"], found["all"]["maxMs"]) == (20.0, 300.0)
    bars = dict(zip([*found["barsMs"], None], found["all"]["histogram"], strict=True))
    assert {bound for bound, number in bars.items() if number} == {25.0, 500.0}
    [bucket] = [bucket for bucket in found["buckets"] if bucket["count"]]
    assert (bucket["at"], bucket["p99Ms"]) == (wire_form(DUE), 300.0)
    assert found["latestLate"] == []


def test_late_message_is_named_with_its_instants(site: Site, alice: User):
    post = alice.scheduled(DUE)
    site.clock.at = DUE + 5 * SECOND
    json_of(site.deliver(post))
    [late] = late_of(site)
    assert (late["postId"], late["trigger"], late["cause"]["code"]) == (post["id"], "message", "message_late")
    assert (late["promisedAt"], late["sentAt"]) == (wire_form(DUE), wire_form(DUE + 5 * SECOND))
    assert late["latenessMs"] == 5000.0


def test_post_without_its_message_is_late_by_the_sweep(site: Site, alice: User):
    alice.scheduled(DUE)
    site.clock.at = DUE + 10 * MINUTE
    json_of(site.cron.get("/api/posts/recover"))
    [late] = late_of(site)
    assert (late["trigger"], late["cause"]["code"]) == ("sweep", "message_missing")


def test_second_try_is_late_by_design_with_the_code_of_the_first(site: Site, alice: User, n8n: HttpServer):
    post = alice.scheduled(DUE)
    n8n.answer = says(503, {})
    site.clock.at = DUE
    json_of(site.deliver(post))
    n8n.answer = says(200, {})
    site.clock.at = DUE + 5 * MINUTE
    json_of(site.deliver(post))
    [late] = late_of(site)
    assert (late["attempt"], late["cause"]["code"]) == (2, "retried")
    assert late["cause"]["formerCode"] is not None


def test_post_held_by_the_breaker_names_it(database_url: str, make_site: MakeSite, n8n: HttpServer):
    site = make_site(database_url, breaker_threshold=1)
    alice = site.user("alice")
    first, second = alice.scheduled(DUE), alice.scheduled(DUE + SECOND)
    n8n.answer = says(500, {})
    site.clock.at = DUE
    json_of(site.deliver(first))
    site.clock.at = DUE + SECOND
    json_of(site.deliver(second))
    n8n.answer = says(200, {})
    site.clock.at = DUE + 30 * MINUTE
    for _ in range(2):
        json_of(site.cron.get("/api/posts/recover"))
        site.clock.at += 10 * MINUTE
    causes = {late["postId"]: late["cause"]["code"] for late in late_of(site)}
    assert causes[first["id"]] in ("retried", "breaker_open")  # by its turn as the breaker's probe
    assert causes[second["id"]] == "breaker_open"


def test_post_scheduled_at_its_instant_says_so(site: Site, alice: User):
    alice.account()
    post = alice.draft()
    site.clock.at = DUE + 30 * SECOND
    alice = site.user("alice")
    json_of(alice.post(f"/api/posts/{post['id']}/schedule", json={"scheduledAt": wire_form(site.clock.at)}))
    site.clock.at += 4 * SECOND
    json_of(site.deliver(site.user("alice").read(post["id"])))
    [late] = late_of(site)
    assert late["cause"]["code"] == "scheduled_late"


def test_attempts_are_counted_by_outcome_and_bucket(site: Site, alice: User, n8n: HttpServer):
    site.sent(alice, DUE)
    n8n.answer = says(400, {})
    bob = site.user("bob")
    post = bob.scheduled(DUE + MINUTE)
    site.clock.at = DUE + MINUTE
    json_of(site.deliver(post))
    found = figures(site, "attempts?window=1h")
    assert (found["count"], found["perHour"]) == (2, 2.0)
    assert found["outcomes"] == {"accepted": 1, "permanent": 1}
    assert [b["outcomes"] for b in found["buckets"] if b["count"]] == [{"accepted": 1}, {"permanent": 1}]


def test_next_hour_is_counted_by_minute(site: Site, alice: User):
    alice.scheduled(NOW + 10 * MINUTE)
    alice.scheduled(NOW + 10 * MINUTE + 59 * SECOND)
    alice.scheduled(NOW + 3 * HOUR)
    minutes = figures(site, "attempts")["nextHour"]
    assert [(m["at"], m["count"], m["more"]) for m in minutes if m["count"]] == [
        (wire_form(NOW + 10 * MINUTE), 2, False)
    ]


def test_each_sweep_leaves_a_row_and_the_oldest_go(site: Site, alice: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.store.operations.sweep_runs.KEPT", 3)
    alice.scheduled(DUE)
    site.clock.at = DUE + 10 * MINUTE
    json_of(site.cron.get("/api/posts/recover"))
    [run] = figures(site, "sweeps")["runs"]
    assert (run["startedAt"], run["status"], run["recovered"], run["remaining"]) == (
        wire_form(site.clock.at),
        "ok",
        1,
        0,
    )
    for _ in range(4):
        site.clock.at += 5 * MINUTE
        json_of(site.cron.get("/api/posts/recover"))
    runs = figures(site, "sweeps")["runs"]
    assert [run["startedAt"] for run in runs] == [wire_form(site.clock.at - n * 5 * MINUTE) for n in range(3)]


def test_services_show_what_deliveries_have_met(site: Site, alice: User, qstash: MessageServer):
    fresh = figures(site, "services")
    assert (fresh["messageService"]["state"], fresh["publishers"][0]["state"]) == ("unknown", "unknown")
    site.sent(alice, DUE)
    found = figures(site, "services")
    assert (found["operational"], found["database"]["state"]) == (True, "ok")
    assert (found["messageService"]["state"], found["messageService"]["host"]) == ("ok", "127.0.0.1")
    assert found["messageService"]["latestMessageAt"] == wire_form(DUE)
    [publisher] = found["publishers"]
    assert (publisher["name"], publisher["state"], publisher["breaker"]["state"]) == ("n8n", "ok", "closed")
    qstash.down = True
    site.user("alice").scheduled(DUE + 2 * HOUR)
    found = figures(site, "services")
    assert found["messageService"]["state"] == "unreachable"
    assert [alert["cure"] for alert in found["alerts"] if alert["kind"] == "message_service_unreachable"] != []


def test_services_of_poll_mode_and_a_failing_n8n(database_url: str, make_site: MakeSite, n8n: HttpServer):
    site = make_site(database_url, breaker_threshold=1, qstash_token=None)
    n8n.answer = says(500, {})
    site.user("alice").scheduled(DUE)
    site.clock.at = DUE
    json_of(site.cron.get("/api/cron/publish-scheduled"))
    found = figures(site, "services")
    assert (found["operational"], found["messageService"]["state"]) == (False, "none")
    assert (found["publishers"][0]["state"], found["publishers"][0]["breaker"]["state"]) == ("failing", "open")


def test_services_and_status_show_a_pause_with_its_reason(site: Site):
    assert figures(site, "services")["paused"] is None
    pause(site.services.deps, "n8n is updated")
    found = figures(site, "services")
    paused = {"since": wire_form(NOW), "reason": "n8n is updated"}
    assert (found["operational"], found["paused"]) == (False, paused)
    assert json_of(site.anonymous.get("/api/scheduler/status"))["paused"] == paused
    resume(site.services.deps)
    found = figures(site, "services")
    assert (found["operational"], found["paused"]) == (True, None)


def test_figures_show_no_user_data(site: Site, alice: User):
    post = alice.scheduled(DUE, content="A very private text")
    site.clock.at = DUE + timedelta(seconds=9)
    json_of(site.deliver(post))
    text = json.dumps([json_of(admin(site).get(path)) for path in FIGURES])
    private = ["alice", "Alice", "private text", post["socialAccountId"], SECRETS["qstash_token"]]
    assert [value for value in private if value in text] == []
    assert post["id"] in text
