"""The doctor's lines about settings, QStash, n8n and the public address."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from app.operations.doctor import diagnose as running
from app.operations.doctor.findings import Finding
from app.settings.mistyped import mistyped
from tests.adapters.servers import http_server
from tests.doctor.installation import (
    Outside,
    doctor,
    installed,
    listening,
    not_ok,
    only_problem,
    swept,
)
from tests.web.answers import SECRETS


def test_doctor_reports_ok_when_all_works(database_url: str, outside: Outside):
    with installed(database_url, outside) as site:
        lines, status = doctor(swept(site), "--strict")
    assert [line[:2] for line in lines] == [
        ("OK", part) for part in ("settings", "database", "sweep", "tokens", "alert", "qstash", "n8n", "address")
    ]
    assert status == 0


def test_every_missing_setting_fails_with_its_cure(outside: Outside):
    changes: dict[str, Any] = dict.fromkeys(
        ("auth_jwt_secret", "cron_secret", "n8n_callback_secret", "public_base_url", "n8n_webhook_url")
    )
    with listening() as closed:
        port = closed.getsockname()[1]
    changes |= {"token_encryption_keys": (), "qstash_url": f"http://127.0.0.1:{port}"}
    url = f"postgresql://me:very-secret@127.0.0.1:{port}/x"
    with installed(url, outside, **changes) as site:
        lines, status = doctor(site)
    assert status == 1
    failures = [text for mark, _, text in lines if mark == "FAIL"]
    cures = ["AUTH_JWT_SECRET", "CRON_SECRET", "N8N_CALLBACK_SECRET", "TOKEN_ENCRYPTION_KEYS", "PUBLIC_BASE_URL"]
    cures += ["DATABASE_URL", "QSTASH_URL", "N8N_WEBHOOK_URL"]
    assert len(failures) == len(cures)
    for cure in cures:
        assert [text for text in failures if cure in text], cure
    [database] = [text for text in failures if "DATABASE_URL" in text]
    assert "Connection refused" in database
    assert "very-secret" not in str(lines)


def test_a_hanging_check_fails_within_its_bound(sqlite_url: str, outside: Outside, monkeypatch: pytest.MonkeyPatch):
    end = threading.Event()

    def hang(_checkup: object) -> list[Finding]:
        end.wait()
        return []

    def broken(_checkup: object) -> list[Finding]:
        raise KeyError("no text for operators")

    monkeypatch.setattr(running, "CHECKS", (("database", hang), ("n8n", broken)))
    monkeypatch.setattr(running, "CHECK_SECONDS", 0.05)
    with installed(sqlite_url, outside) as site:
        lines, status = doctor(site)
    end.set()
    assert [line[:2] for line in lines] == [("FAIL", "database"), ("FAIL", "n8n")]
    assert "no answer within 0.05 s" in lines[0][2]
    assert "KeyError" in lines[1][2]
    assert status == 1


def test_signing_keys_of_another_account_fail(sqlite_url: str, outside: Outside):
    keys: dict[str, Any] = {"qstash_current_signing_key": "x" * 32, "qstash_next_signing_key": None}
    with installed(sqlite_url, outside, **keys) as site:
        only_problem(swept(site), "FAIL", "qstash", "QSTASH_CURRENT_SIGNING_KEY")


def test_signing_keys_without_a_token_are_a_warning(sqlite_url: str, outside: Outside):
    with installed(sqlite_url, outside, qstash_token=None) as site:
        only_problem(swept(site), "WARN", "qstash", "poll mode", "QSTASH_TOKEN is not")
    keys: dict[str, Any] = dict.fromkeys(("qstash_token", "qstash_current_signing_key", "qstash_next_signing_key"))
    with installed(sqlite_url, outside, **keys) as site:
        only_problem(site, "WARN", "qstash", "poll mode (no QSTASH_TOKEN)")


@pytest.mark.parametrize("paused", [False, True])
def test_a_schedule_for_another_address_or_a_paused_one_fails(sqlite_url: str, outside: Outside, paused: bool):
    with installed(sqlite_url, outside) as site:
        destination = site.settings.recover_url if paused else "https://old.example/api/posts/recover"
        schedule: dict[str, Any] = {"scheduleId": "punctual-recover", "destination": destination, "cron": "*/5 * * * *"}
        schedule |= {"createdAt": 1, "method": "POST", "retries": 1, "isPaused": paused}
        outside.schedule = schedule
        words = ("is paused",) if paused else ("https://old.example", "cron install --replace")
        only_problem(swept(site), "FAIL", "schedule", *words)
        outside.schedule = schedule | {"destination": site.settings.recover_url, "isPaused": False}
        assert ("OK", "schedule") in [line[:2] for line in doctor(site)[0]]


@pytest.mark.parametrize(
    ("header", "fits"),
    [
        ({"X-Internal-Secret": [SECRETS["internal_api_secret"]]}, True),
        ({"x-internal-secret": [SECRETS["internal_api_secret"]], "Content-Type": ["x"]}, True),
        ({"X-Internal-Secret": ["the-secret-from-before"]}, False),
        ({"X-Internal-Secret": []}, False),
        ({"Content-Type": ["x"]}, False),
        (None, True),
    ],
    ids=["same", "lower-case", "former", "empty", "none", "not-shown"],
)
def test_a_schedule_without_the_present_secret_fails(sqlite_url: str, outside: Outside, header: Any, fits: bool):
    with installed(sqlite_url, outside) as site:
        outside.schedule = {"scheduleId": "punctual-recover", "destination": site.settings.recover_url}
        outside.schedule |= {"cron": "*/5 * * * *", "createdAt": 1, "method": "POST", "retries": 1, "header": header}
        if fits:
            assert ("OK", "schedule") in [line[:2] for line in doctor(swept(site))[0]]
        else:
            only_problem(swept(site), "FAIL", "schedule", "secrets", "cron install")


def test_a_switched_off_shared_secret_names_the_duty_of_the_workflow(sqlite_url: str, outside: Outside):
    with installed(sqlite_url, outside, callback_shared_secret_allowed=False) as site:
        lines = [line for line in doctor(swept(site))[0] if line[1] == "settings"]
    assert [line[0] for line in lines] == ["OK"]
    assert "callbackUrl" in lines[0][2]
    assert "claimUrl" in lines[0][2]


def test_an_app_that_does_not_run_fails(sqlite_url: str, outside: Outside):
    with listening() as closed:
        port = closed.getsockname()[1]
    with installed(sqlite_url, outside, public_base_url=f"http://127.0.0.1:{port}") as site:
        only_problem(swept(site), "FAIL", "address", "does not answer", "start the app")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, {}, b"<html>Welcome</html>"), ("not as this app",)),
        ((200, {"X-Punctual-Proof": "f" * 64}, b"{}"), ("another installation",)),
        ((200, {"X-Punctual-Proof": "\xe9"}, b"{}"), ("another installation",)),
        ((404, {}, b"not found"), ("answers 404",)),
        ((502, {}, b"bad gateway"), ("answers 502",)),
        ((401, {}, b"log in"), ("answers 401", "VERCEL_AUTOMATION_BYPASS_SECRET")),
        ((308, {"Location": "https://www.example.com/healthz"}, b""), ("redirects to https://www.example.com",)),
    ],
    ids=lambda value: str(value[0])[:30],
)
def test_a_public_address_of_another_app_fails(
    sqlite_url: str, outside: Outside, answer: tuple[int, dict[str, str], bytes], words: tuple[str, ...]
):
    with (
        http_server(lambda _: answer) as other,
        installed(sqlite_url, outside, public_base_url=other.url) as site,
    ):
        only_problem(swept(site), "FAIL", "address", *words)


@pytest.mark.parametrize("setting", ["cron_secret", "n8n_callback_secret", "internal_api_secret"])
def test_a_running_app_with_another_secret_fails(sqlite_url: str, outside: Outside, setting: str):
    with installed(sqlite_url, outside, served={setting: "the-secret-from-before"}) as site:
        only_problem(swept(site), "FAIL", "address", "has other secrets", "restart")


def test_a_former_secret_is_a_warning(sqlite_url: str, outside: Outside):
    with installed(sqlite_url, outside, cron_secret_previous="the-secret-from-before") as site:
        only_problem(swept(site), "WARN", "settings", "CRON_SECRET_PREVIOUS is still accepted")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("QSTASH_TOKN", "QSTASH_TOKEN"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("N8N_WEBHOOK", "N8N_WEBHOOK_URL"),
        ("N8N_CALLBACK_TOKEN", None),
        ("CRON_SECERT", "CRON_SECRET"),
        ("TOKEN_ENCRYPTION_KEY", "TOKEN_ENCRYPTION_KEYS"),
        ("public_base_url", "PUBLIC_BASE_URL"),
        ("PUBLIC-BASE-URL", "PUBLIC_BASE_URL"),
        ("QSTASH_URL ", "QSTASH_URL"),
        ("PUNCTUAL_TOKEN", None),
        ("SWEEP_EVERY", None),
        ("MAX_RETRYS", "MAX_RETRIES"),
    ],
)
def test_a_mistyped_setting_is_a_warning(
    sqlite_url: str, outside: Outside, monkeypatch: pytest.MonkeyPatch, name: str, meant: str | None
):
    monkeypatch.setenv(name, "a-value-that-is-secret")
    with installed(sqlite_url, outside) as site:
        lines, status = doctor(swept(site))
    [(mark, about, text)] = not_ok(lines)
    assert (mark, about, status) == ("WARN", "settings", 0)
    assert text.startswith(f"{name} is no setting")
    assert meant is None or f"did you mean {meant}?" in text
    assert "a-value-that-is-secret" not in text


def test_variables_of_other_programs_are_no_mistakes():
    others = "PATH HOME LANG N8N_HOST N8N_PORT N8N_ENCRYPTION_KEY POSTGRES_URL POSTGRES_URL_NON_POOLING PORT"
    others += " VERCEL_URL VERCEL_ENV VERCEL_GIT_COMMIT_SHA FLASK_APP PGPASSWORD DATABASE_URL_UNPOOLED MAX_WORKERS"
    known = ("DATABASE_URL", "PUNCTUAL_LOCAL", "N8N_WEBHOOK_URL", "CRON_SECRET_PREVIOUS")
    assert mistyped(dict.fromkeys((*others.split(), *known), "x")) == []
    assert mistyped({"DATABSE_URL": "x", "DATABASE_URL": "y"}) == [("DATABSE_URL", "DATABASE_URL")]
    assert mistyped({"WEBHOOK_URL": "n8n's own", "N8N_WEBHOOK_URL": "ours"}) == []


def test_healthz_proves_the_installation_only_for_a_wellformed_nonce(sqlite_url: str, outside: Outside):
    with installed(sqlite_url, outside) as site:
        ask: Callable[[str], str | None] = lambda nonce: site.client.get(  # noqa: E731
            "/healthz", headers={"X-Punctual-Nonce": nonce}
        ).headers.get("X-Punctual-Proof")
        proof = ask("a" * 32)
        assert proof is not None
        assert proof == ask("a" * 32) != ask("b" * 32)
        assert [ask(nonce) for nonce in ("", "short", "a" * 65, "é" * 20)] == [None] * 4
        assert site.client.get("/healthz").headers.get("X-Punctual-Proof") is None
