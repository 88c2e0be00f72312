"""`flask cron install` and `cron show`, against the QStash stand-in's own HTTP."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.adapters.servers import http_server
from tests.contract.support import TOKEN, Destination, StandIn
from tests.web.answers import SECRETS, check_no_secrets
from tests.web.site import SetClock, build, settings_for

BYPASS = "bypass-secret-0123456789"


@pytest.fixture(scope="module")
def own_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    started = StandIn(tmp_path_factory.mktemp("cron") / "messages.sqlite")
    yield started
    started.close()


@pytest.fixture
def stand_in(own_stand_in: StandIn) -> StandIn:
    own_stand_in.control("POST", "reset")
    return own_stand_in


@contextmanager
def app_with(qstash_url: str, **changes: Any) -> Iterator[Flask]:
    changes = {"public_base_url": "http://127.0.0.1:9", "qstash_token": TOKEN, "qstash_retries": 3, **changes}
    changes.setdefault("vercel_automation_bypass_secret", BYPASS)
    site = build(settings_for("sqlite:///unused", qstash_url, qstash_url, **changes), SetClock(), [])
    yield site.app
    site.services.deps.db.close()


def run(app: Flask, *arguments: str) -> Result:
    result = app.test_cli_runner().invoke(args=["cron", *arguments])
    assert isinstance(result.exception, SystemExit | None), result.exception
    check_no_secrets(result.output)
    assert TOKEN not in result.output
    return result


def schedules(stand_in: StandIn) -> list[dict[str, Any]]:
    return list(stand_in.api.call("GET", "/v2/schedules").json())


def test_install_creates_the_schedule_with_the_secrets_of_a_delivery(stand_in: StandIn):
    with app_with(stand_in.url) as app:
        result = run(app, "install")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "Before: no schedule punctual-recover",
        "Now:    punctual-recover calls POST http://127.0.0.1:9/api/posts/recover at */5 * * * *",
    ]
    [found] = schedules(stand_in)
    assert (found["scheduleId"], found["cron"], found["method"]) == ("punctual-recover", "*/5 * * * *", "POST")
    assert found["header"]["X-Internal-Secret"] == [SECRETS["internal_api_secret"]]
    assert found["header"]["x-vercel-protection-bypass"] == [BYPASS]
    assert (found["retries"], found["timeout"], found["label"]) == (1, 59, "punctual-recover")


def test_second_install_replaces_the_first_and_shows_it(stand_in: StandIn):
    with app_with(stand_in.url) as app:
        run(app, "install")
        result = run(app, "install")
    line = "punctual-recover calls POST http://127.0.0.1:9/api/posts/recover at */5 * * * *"
    assert (result.exit_code, result.stdout) == (0, f"Before: {line}\nNow:    {line}\n")
    assert len(schedules(stand_in)) == 1


def test_install_resumes_a_paused_schedule(stand_in: StandIn):
    with app_with(stand_in.url) as app:
        run(app, "install")
        stand_in.api.sdk.schedule.pause("punctual-recover")
        assert run(app, "show").stdout.endswith("*/5 * * * *, but is paused\n")
        result = run(app, "install")
    assert "Before: " in result.stdout
    assert result.stdout.count("but is paused") == 1
    assert schedules(stand_in)[0]["isPaused"] is False


def test_install_takes_no_schedule_from_another_address(stand_in: StandIn):
    with app_with(stand_in.url, public_base_url="http://127.0.0.1:7") as other:
        run(other, "install")
    with app_with(stand_in.url) as app:
        refused = run(app, "install")
        kept = schedules(stand_in)[0]["destination"]
        named, replaced = run(app, "install", "--id", "second"), run(app, "install", "--replace")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "http://127.0.0.1:7/api/posts/recover" in refused.stderr
    assert "--replace" in refused.stderr
    assert "--id" in refused.stderr
    assert kept == "http://127.0.0.1:7/api/posts/recover"
    assert (named.exit_code, replaced.exit_code) == (0, 0)
    found = {each["scheduleId"]: each["destination"] for each in schedules(stand_in)}
    assert found == dict.fromkeys(("second", "punctual-recover"), "http://127.0.0.1:9/api/posts/recover")


def test_show_names_the_missing_schedule(stand_in: StandIn):
    with app_with(stand_in.url) as app:
        assert run(app, "show").stdout == "no schedule punctual-recover\n"


@pytest.mark.parametrize("command", ["install", "show"])
def test_wrong_token_is_named_with_its_cure(stand_in: StandIn, command: str):
    with app_with(stand_in.url, qstash_token="a-wrong-token-0123456789") as app:
        result = run(app, command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "QStash refuses QSTASH_TOKEN" in result.stderr
    assert "a-wrong-token" not in result.output


def test_missing_address_is_named_with_its_cure(stand_in: StandIn):
    with app_with(stand_in.url, public_base_url=None) as app:
        result = run(app, "install")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: PUBLIC_BASE_URL is missing.")
    assert schedules(stand_in) == []


@pytest.mark.parametrize("command", ["install", "show"])
def test_without_qstash_the_other_ways_are_named(command: str):
    with app_with("http://127.0.0.1:9", qstash_token=None) as app:
        result = run(app, command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: QSTASH_TOKEN is missing.")
    assert "/api/cron/publish-scheduled" in result.stderr


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (412, b'{"error": "quota maxSchedules exceeded"}', "refuses the schedule (412 quota maxSchedules exceeded)"),
        (404, b"<html>not QStash</html>", "refuses the schedule (404"),
        (500, b'{"error": "oops"}', "cannot be reached"),
        (200, b"no json", "answers in an unknown way"),
    ],
)
def test_other_refusals_are_explained(status: int, body: bytes, said: str):
    with http_server(lambda _: (status, {}, body)) as server, app_with(server.url) as app:
        result = run(app, "install")
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


def test_qstash_that_is_away_is_named_with_its_cure():
    with app_with("http://127.0.0.1:9") as app:
        result = run(app, "install")
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert "QSTASH_URL" in result.stderr


def test_installed_schedule_reaches_the_sweep_with_a_valid_signature(stand_in: StandIn, sqlite_url: str):
    """The stand-in's delivery of the schedule is replayed to the app's own route."""
    destination = Destination()
    inbox = destination.inbox("/api/posts/recover")
    base = inbox.url.removesuffix("/api/posts/recover")
    try:
        with app_with(stand_in.url, public_base_url=base) as app:
            assert run(app, "install").exit_code == 0
        stored = schedules(stand_in)[0]
        headers = {f"Upstash-Forward-{name}": values[0] for name, values in stored["header"].items()}
        stand_in.api.call("POST", f"/v2/publish/{stored['destination']}", headers=headers)
        [came] = inbox.wait()
    finally:
        destination.close()
    keys = stand_in.api.call("GET", "/v2/keys").json()
    signing = {"qstash_current_signing_key": keys["current"], "qstash_next_signing_key": keys["next"]}
    settings = settings_for(sqlite_url, stand_in.url, stand_in.url, public_base_url=base, **signing)
    clock = SetClock()
    clock.at = dt.datetime.fromtimestamp(came.at, dt.UTC)
    site = build(settings, clock, [])
    answer = site.client.open("/api/posts/recover", method=came.method, data=came.body, headers=came.headers)
    site.services.deps.db.close()
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.get_json()["skipped"] is False
    assert came.headers["x-internal-secret"] == SECRETS["internal_api_secret"]
