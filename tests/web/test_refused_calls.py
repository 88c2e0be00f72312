"""Refused calls of n8n, the cron and QStash: the log line, the alert with its bound on writes, and its end."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.alerts import CURES
from tests.support.databases import record_transactions
from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import BASE, MINUTE, SECOND, Caller, Site, json_of, refused, signature

UNKNOWN = {"id": "00000000-0000-4000-8000-000000000000", "userId": "nobody", "generation": 1}
REPORT = {"postId": UNKNOWN["id"], "status": "published"}
RECOVER = "/api/posts/recover"
Call = Callable[[Site], TestResponse]

CALLS: dict[str, tuple[str, Call, Call]] = {
    "report": (
        "reports_refused",
        lambda site: Caller(site.client, {"X-Callback-Secret": "wrong"}).post(
            "/api/webhooks/publish-status", json=REPORT
        ),
        lambda site: site.n8n.post("/api/webhooks/publish-status", json=REPORT),  # 404, yet with the right secret
    ),
    "claim": (
        "reports_refused",
        lambda site: site.anonymous.post("/api/webhooks/claim", json={"postId": UNKNOWN["id"], "attempt": 1}),
        lambda site: site.n8n.post("/api/webhooks/claim", json={"postId": UNKNOWN["id"], "attempt": 1}),
    ),
    "cron": ("cron_refused", lambda site: site.anonymous.get(RECOVER), lambda site: site.cron.get(RECOVER)),
    "poll": (
        "cron_refused",
        lambda site: Caller(site.client, {"Authorization": "Bearer x"}).get("/api/cron/publish-scheduled"),
        lambda site: site.cron.get("/api/cron/publish-scheduled"),
    ),
    "signed-cron": (
        "cron_refused",
        lambda site: site.signed(RECOVER, b"", sub="https://old.example/api/posts/recover"),
        lambda site: site.signed(RECOVER, b""),
    ),
    "signature": (
        "deliveries_refused",
        lambda site: site.signed("/api/posts/dispatch", b"{}", sub="https://old.example/api/posts/dispatch"),
        lambda site: site.deliver(UNKNOWN),
    ),
    "internal-secret": (
        "deliveries_refused",
        lambda site: site.signed("/api/posts/dispatch", b"{}", {"X-Internal-Secret": "former"}),
        lambda site: site.deliver(UNKNOWN),
    ),
    "lost-notice": (
        "deliveries_refused",
        lambda site: site.signed("/api/posts/dispatch-failed", b"{}", iss="Somebody"),
        lambda site: site.deliver(UNKNOWN),
    ),
}


@pytest.fixture(params=list(CALLS.values()), ids=list(CALLS))
def calls(request: pytest.FixtureRequest) -> tuple[str, Call, Call]:
    found: tuple[str, Call, Call] = request.param
    return found


def alerts(site: Site) -> dict[str, dict[str, Any]]:
    return {alert["kind"]: alert for alert in json_of(site.anonymous.get("/api/scheduler/status"))["alerts"]}


def test_refused_call_raises_its_alert_and_an_accepted_one_clears_it(site: Site, calls: tuple[str, Call, Call]):
    kind, refuse, accept = calls
    refused(refuse(site), 401, "unauthorized")
    assert set(alerts(site)) == {kind}
    assert alerts(site)[kind]["detail"] == CURES[kind]
    refusals = [*site.events("delivery.refused"), *site.events("secret.refused"), *site.events("alert")]
    assert [line["level"] for line in refusals] == ["warning", "warning"]
    assert accept(site).status_code != 401
    assert alerts(site) == {}
    [cleared] = site.events("alert.cleared")
    assert cleared["kind"] == kind


def test_flood_of_refused_calls_writes_once_a_minute(site: Site, calls: tuple[str, Call, Call]):
    kind, refuse, _ = calls
    with record_transactions(site.services.deps.db.engine) as begun:
        for _ in range(20):
            refused(refuse(site), 401, "unauthorized")
        site.clock.at += MINUTE - SECOND
        refuse(site)
    assert len(begun) == 1
    assert alerts(site)[kind]["count"] == 1
    site.clock.at += SECOND
    refuse(site)
    assert alerts(site)[kind]["count"] == 2


def test_alternating_refused_and_accepted_calls_write_twice_a_minute_at_most(small_site: Site):
    _, refuse, accept = CALLS["report"]
    with record_transactions(small_site.services.deps.db.engine) as begun:
        for _ in range(10):
            refuse(small_site)
            accept(small_site)
    assert len(begun) == 2
    assert alerts(small_site) == {}


def test_accepted_calls_read_the_alert_once_a_minute(small_site: Site):
    _, _, accept = CALLS["report"]
    accept(small_site)
    with record_transactions(small_site.services.deps.db.engine) as begun:
        for _ in range(5):
            accept(small_site)
    assert begun == []


def test_accepted_call_in_another_process_clears_the_alert(database_url: str, make_site: MakeSite):
    kind, refuse, accept = CALLS["report"]
    one, other = make_site(database_url), make_site(database_url)
    refuse(one)
    assert set(alerts(other)) == {kind}
    accept(other)
    assert alerts(one) == {}


def test_accepted_call_of_another_kind_clears_nothing(small_site: Site):
    for _, refuse, _ in (CALLS["report"], CALLS["cron"], CALLS["signature"]):
        refuse(small_site)
    CALLS["cron"][2](small_site)
    assert set(alerts(small_site)) == {"reports_refused", "deliveries_refused"}


def test_refusal_alert_ends_after_a_day_without_any_call(site: Site):
    CALLS["cron"][1](site)
    for minutes, expected in ((24 * 60, {"cron_refused"}), (1, set())):
        site.clock.at += minutes * MINUTE
        site.services.deps.clock.now()
        assert {kind for kind in alerts(site) if kind == "cron_refused"} == expected


def test_clock_put_back_delays_no_alert(small_site: Site):
    kind, refuse, _ = CALLS["report"]
    refuse(small_site)
    small_site.clock.at -= 60 * MINUTE
    refuse(small_site)
    assert alerts(small_site)[kind]["count"] == 2


def test_refused_call_without_a_database_answers_401(make_site: MakeSite):
    site = make_site("postgresql://me@127.0.0.1:1/x?connect_timeout=1")
    for _, refuse, _ in CALLS.values():
        refused(refuse(site), 401, "unauthorized")
    assert {line["kind"] for line in site.events("alert.not_kept")} == {kind for kind, *_ in CALLS.values()}


@pytest.mark.parametrize(
    ("setting", "call"),
    [
        ("cron_secret", lambda site, value: Caller(site.client, {"Authorization": f"Bearer {value}"}).get(RECOVER)),
        (
            "n8n_callback_secret",
            lambda site, value: Caller(site.client, {"X-Callback-Secret": value}).post(
                "/api/webhooks/publish-status", json=REPORT
            ),
        ),
        (
            "admin_secret_key",
            lambda site, value: Caller(site.client, {"Authorization": f"Bearer {value}"}).post("/api/scheduler/run"),
        ),
        (
            "internal_api_secret",
            lambda site, value: site.signed(
                "/api/posts/dispatch",
                b'{"postId": "00000000-0000-4000-8000-000000000000", "generation": 1}',
                {"X-Internal-Secret": value},
            ),
        ),
    ],
)
def test_former_secret_is_accepted_beside_the_new_one(
    sqlite_url: str, make_site: MakeSite, setting: str, call: Callable[[Site, str], TestResponse]
):
    former, new = SECRETS[setting], "the-secret-from-now-on"
    both = make_site(sqlite_url, **{setting: new, f"{setting}_previous": former})
    for value in (former, new):
        assert call(both, value).status_code != 401
    for wrong in ("", "wrong", former[:-1], new + "x"):
        refused(call(both, wrong), 401, "unauthorized")
    only_new = make_site(sqlite_url, **{setting: new})
    refused(call(only_new, former), 401, "unauthorized")


def test_signature_of_a_stranger_names_no_alert_of_the_cron(small_site: Site):
    token = signature(
        BASE + "/api/posts/dispatch", b"{}", small_site.clock.at, key="a-key-of-a-stranger-01234567890123456789"
    )
    refused(
        small_site.client.post("/api/posts/dispatch", data=b"{}", headers={"Upstash-Signature": token}),
        401,
        "unauthorized",
    )
    assert set(alerts(small_site)) == {"deliveries_refused"}


def test_former_secret_alone_opens_nothing(sqlite_url: str, make_site: MakeSite):
    names = ("cron_secret", "n8n_callback_secret", "admin_secret_key")
    alone: dict[str, Any] = dict.fromkeys(names) | {f"{name}_previous": SECRETS[name] for name in names}
    site = make_site(sqlite_url, **alone)
    refused(site.cron.get(RECOVER), 503, "not_configured")
    refused(site.n8n.post("/api/webhooks/publish-status", json=REPORT), 503, "not_configured")
    admin = Caller(site.client, {"Authorization": f"Bearer {SECRETS['admin_secret_key']}"})
    refused(admin.post("/api/scheduler/run"), 401, "unauthorized")
