"""Read settings from the environment, or report all problems together, each with its cure."""

import base64
import dataclasses
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.settings.environment import read_settings
from app.settings.values import Settings, SettingsError

ROOT = Path(__file__).parent.parent
KEY, OTHER_KEY = (base64.urlsafe_b64encode(b"for-settings-9xz-and-first-k1uq" + end).decode() for end in (b"!", b"?"))
SECRET, SIGNING = "s3cret-s3cret-16", "a-s3cret-of-32-bytes-for-signing"
QSTASH = {"QSTASH_TOKEN": "token", "QSTASH_CURRENT_SIGNING_KEY": "sig_1", "PUBLIC_BASE_URL": "https://punctual.example"}
DURATIONS = [f.name.upper() for f in dataclasses.fields(Settings) if "float" in str(f.type) and f.default != 0]
DURATIONS.remove("MEDIA_CHECK_SECONDS")  # which 0 switches off
FROM_ZERO = ["MAX_RETRIES", "QSTASH_RETRIES", "DISPATCH_MAX_WAITING"]
FROM_ONE = ["SWEEP_BATCH_SIZE", "CRON_CONCURRENCY", "BREAKER_THRESHOLD", "N8N_PARALLELISM", "ACCOUNT_DAILY_CAP"]
FROM_ONE += ["POLL_BATCH_SIZE", "POLL_CONCURRENCY"]
SECRETS = ["CRON_SECRET", "N8N_CALLBACK_SECRET", "ADMIN_SECRET_KEY", "INTERNAL_API_SECRET"]
JWKS = {"AUTH_ISSUER": "https://id.example", "AUTH_AUDIENCE": "punctual"}
NAMES = ["PUNCTUAL_LOCAL" if f.name == "local" else f.name.upper() for f in dataclasses.fields(Settings)]
TO_DO = ("must ", "Set it", "Copy it", "Keep only", "Use the")


def read(environ: Mapping[str, str] | None = None, **more: str) -> Settings:
    return read_settings({**(environ or {}), **more})


def problems(environ: Mapping[str, str] | None = None, **more: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(environ, **more)
    found = caught.value.problems
    assert str(caught.value) == "Punctual cannot start:\n" + "\n".join(f"  - {problem}" for problem in found)
    return found


def problem(environ: Mapping[str, str] | None = None, **more: str) -> str:
    (only,) = problems(environ, **more)
    return only


def value(name: str, raw: str) -> Any:
    return getattr(read({name: raw}), "local" if name == "PUNCTUAL_LOCAL" else name.lower())


def test_empty_environment_gives_the_documented_defaults():
    settings, file = read(), ROOT / "instance" / "punctual.sqlite3"
    assert settings == dataclasses.replace(Settings(), database_url=f"sqlite:///{file}")
    assert (settings.max_retries, settings.retry_base_seconds, settings.publish_lease_seconds) == (3, 120, 480)
    assert (settings.sweep_batch_size, settings.sweep_budget_seconds, settings.sweep_grace_seconds) == (100, 25, 30)
    assert (settings.cron_concurrency, settings.breaker_threshold, settings.breaker_cooldown_seconds) == (5, 5, 60)
    assert (settings.max_schedule_days, settings.qstash_max_delay_days) == (730, 7)
    unset = (settings.dispatch_lead_seconds, settings.max_lateness_seconds, settings.n8n_parallelism)
    assert (*unset, settings.local) == (None, None, None, False)
    assert (settings.n8n_timeout_seconds, settings.unknown_outcome_policy, settings.poll_mode) == (30, "auto", True)


def test_no_secret_has_a_default():
    named = [name for name in NAMES if "SECRET" in name or "KEY" in name or "TOKEN" in name]
    secret = [n for n in named if not n.endswith(("_URL", "_DAYS", "_SECONDS", "_ALLOWED", "_API_KEYS"))]
    assert len(secret) >= 10
    assert {getattr(Settings(), name.lower()) for name in secret} == {None, ()}


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_empty_variable_is_unset_and_outer_space_is_removed(empty: str):
    assert read(dict.fromkeys(NAMES, empty)) == read()
    assert read({name: f" {raw}\n" for name, raw in QSTASH.items()}) == read(QSTASH)


def test_own_addresses_begin_with_the_public_url():
    settings = read(QSTASH, PUBLIC_BASE_URL="https://punctual.example/app/")
    ours = (settings.dispatch_url, settings.dispatch_failed_url, settings.recover_url)
    base = "https://punctual.example/app/api/posts/"
    assert ours == (f"{base}dispatch", f"{base}dispatch-failed", f"{base}recover")
    assert settings.poll_mode is False


@pytest.mark.parametrize("name", DURATIONS)
def test_a_duration_is_any_positive_number(name: str):
    room = {"PUBLISH_LEASE_SECONDS": "500"} if name == "N8N_TIMEOUT_SECONDS" else {"N8N_TIMEOUT_SECONDS": "0.1"}
    for raw in ("0.25", ".5", "5", "1e1", "007"):
        assert getattr(read({**room, name: raw}), name.lower()) == float(raw)


@pytest.mark.parametrize("name", DURATIONS)
def test_duration_that_is_not_positive_is_refused(name: str):
    for raw in ("0", "-0.0", "-1", "nan", "-nan", "inf", "-inf", "1e400", "1e-400", "5s", "1,5", "0x10"):
        assert problem({name: raw}).startswith(f"{name} must be a positive number"), raw


@pytest.mark.parametrize("raw", ["１２", "٣", "1_0"], ids=["full width", "arabic", "underscore"])
def test_a_number_is_written_in_plain_digits(raw: str):
    assert problem(MAX_LATENESS_SECONDS=raw).startswith("MAX_LATENESS_SECONDS must be ")


@pytest.mark.parametrize("name", ["MAX_SCHEDULE_DAYS", "QSTASH_MAX_DELAY_DAYS", "RETENTION_DAYS"])
def test_days_that_run_past_the_calendar_are_refused(name: str):
    """`now + timedelta(days=3_000_000)` is past the year 9999: an error in every schedule, not a long horizon."""
    assert problem({name: "3000000"}).startswith(f"{name} must be ")


@pytest.mark.parametrize("name", FROM_ZERO + FROM_ONE)
def test_count_is_a_whole_number_from_its_minimum(name: str):
    least = 0 if name in FROM_ZERO else 1
    assert [value(name, str(least)), value(name, "7"), value(name, "999999")] == [least, 7, 999_999]
    for raw in [str(least - 1), "-1", "1.5", "1e2", "nan", "inf", "１２", "٣", "²", "+3", "1_0", "0x10", "three"]:
        assert problem({name: raw}).startswith(f"{name} must be a whole number, {least} or more"), raw


@pytest.mark.parametrize("digits", [7, 10, 5_000])
def test_too_large_number_is_refused_with_the_limit(digits: int):
    for name in ("MAX_RETRIES", "BREAKER_COOLDOWN_SECONDS") if digits > 7 else ("MAX_RETRIES",):
        message = problem({name: "1" + "0" * (digits - 1)})
        assert message.startswith(f"{name} must be ")
        assert any(word in message for word in ("at most", "or less", "less than", "below", " up to ", "between"))


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_has_at_least_sixteen_characters(name: str):
    assert value(name, SECRET) == SECRET
    expected = "must have at least 16 characters. Make one with: openssl rand -hex 32"
    assert problem({name: SECRET[:-1]}) == f"{name} {expected}"
    assert problem({name: f" {SECRET[:-1]} "}) == f"{name} {expected}"


@pytest.mark.parametrize("name", ["PUBLIC_BASE_URL", "QSTASH_URL", "N8N_WEBHOOK_URL", "AUTH_JWKS_URL"])
def test_url_must_be_complete(name: str):
    assert getattr(read(JWKS, **{name: "https://a.example:8443/x"}), name.lower()) == "https://a.example:8443/x"
    for raw in ("a.example", "//a.example", "https://", "ftp://a.example", "mailto:a@a.example", "/path"):
        assert problem({name: raw}) == f"{name} must be a full URL, such as https://example.com/path", raw
    for raw in ("https://a.example:port", "https://a.example:99999", "https://[::1"):
        assert problem({name: raw}).startswith(f"{name} "), raw


def test_unreadable_url_is_refused_with_an_example():
    assert any(word in problem(AUTH_JWKS_URL="https://a.example:port") for word in TO_DO)


@pytest.mark.parametrize("name", ["PUBLIC_BASE_URL", "QSTASH_URL"])
def test_base_url_has_no_query_or_fragment(name: str):
    assert value(name, "https://a.example//") == "https://a.example"
    for raw in ("https://a.example?x=1", "https://a.example/#f", "https://a.example?", "https://a.example/#"):
        assert problem({name: raw}) == f"{name} must have no query or fragment", raw


def test_origins_have_no_path_and_empty_parts_are_dropped():
    origins = ("https://a.example", "http://localhost:3000")
    assert value("CORS_ORIGINS", " https://a.example , ,http://localhost:3000/,") == origins
    assert value("CORS_ORIGINS", "*") == ("*",)
    for raw in ("https://a.example/x", "https://a.example?x", "https://a.example,https://b.example/x"):
        assert problem(CORS_ORIGINS=raw).startswith("CORS_ORIGINS must list origins such as "), raw
    for raw in ("a.example", "null", "ftp://a.example"):
        assert problem(CORS_ORIGINS=raw).startswith("CORS_ORIGINS must be a full URL"), raw


@pytest.mark.parametrize("raw", ["https://*.a.example", "https://a.example?", "https://a.example#f", "https://(a|b).c"])
def test_an_origin_is_one_address_and_no_pattern(raw: str):
    """flask-cors reads a pattern as a regular expression.

    https://*.example.com would accept https://aexample.com.evil.net.
    """
    assert problem(CORS_ORIGINS=raw).startswith("CORS_ORIGINS must ")


def test_encryption_keys_are_fernet_keys_in_order():
    assert value("TOKEN_ENCRYPTION_KEYS", KEY) == (KEY,)
    assert value("TOKEN_ENCRYPTION_KEYS", f"{OTHER_KEY} , {KEY},") == (OTHER_KEY, KEY)
    short, long = (base64.urlsafe_b64encode(bytes(size)).decode() for size in (31, 33))
    for raw in (KEY[:-1], "short", short, long, f"{KEY},short", "é" * 44, "=" * 44):
        assert problem(TOKEN_ENCRYPTION_KEYS=raw).startswith("TOKEN_ENCRYPTION_KEYS must be Fernet keys"), raw
        assert "Make one with: " in problem(TOKEN_ENCRYPTION_KEYS=raw)


def test_policy_and_flag_accept_only_their_words():
    assert [value("UNKNOWN_OUTCOME_POLICY", raw) for raw in ("auto", "retry", "hold")] == ["auto", "retry", "hold"]
    assert [value("PUNCTUAL_LOCAL", raw) for raw in ("1", "true", "TRUE", "0", "false")] == [True] * 3 + [False] * 2
    assert problem(UNKNOWN_OUTCOME_POLICY="Auto") == "UNKNOWN_OUTCOME_POLICY must be auto, retry or hold"
    for raw in ("yes", "on", "2", "１"):
        assert problem(PUNCTUAL_LOCAL=raw) == "PUNCTUAL_LOCAL must be 1 or 0", raw


def test_a_database_is_postgresql_or_a_file():
    for raw in ("postgres://u:p@h/d", "postgresql://h/d", "postgresql+psycopg2://h/d", "sqlite:///x"):
        assert value("DATABASE_URL", raw) == raw
    for raw in ("mysql://h/d", "sqlite://", "postgresql+asyncpg://h/d", "h/d", "Postgres://h"):
        expected = "DATABASE_URL must start with postgres://, postgresql:// or sqlite:///"
        assert problem(DATABASE_URL=raw) == expected, raw


@pytest.mark.parametrize("raw", ["", "sqlite:///x", "x"])
def test_sqlite_on_vercel_is_reported_once(raw: str):
    assert problem(DATABASE_URL=raw, VERCEL="1").startswith("DATABASE_URL ")


def test_bad_address_is_not_also_reported_missing():
    assert problem(QSTASH, PUBLIC_BASE_URL="punctual.example").startswith("PUBLIC_BASE_URL must be a full URL")


def test_postgresql_url_is_enough_on_vercel():
    assert read(VERCEL="1", DATABASE_URL="postgres://h/d").database_url == "postgres://h/d"
    assert read(VERCEL="0").database_url.startswith("sqlite:///")


def test_public_url_on_vercel_production_has_a_default():
    vercel = {"VERCEL_PROJECT_PRODUCTION_URL": "p.vercel.app/", "VERCEL_URL": "p-123.vercel.app"}
    assert read(vercel, VERCEL_ENV="production").public_base_url == "https://p.vercel.app"
    assert read(vercel, VERCEL_ENV="preview").public_base_url is None
    assert read(vercel, VERCEL_ENV="production", PUBLIC_BASE_URL="https://a.b").public_base_url == "https://a.b"
    assert read(VERCEL_ENV="production", VERCEL_URL="p-123.vercel.app").public_base_url is None


@pytest.mark.parametrize("missing", ["PUBLIC_BASE_URL", "QSTASH_CURRENT_SIGNING_KEY"])
def test_a_qstash_token_needs_the_address_and_the_key(missing: str):
    assert problem({**QSTASH, missing: ""}).startswith(f"{missing} is missing. ")
    assert read({**QSTASH, missing: "", "QSTASH_TOKEN": ""}).poll_mode


def test_public_url_is_https_or_of_this_machine():
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert value("PUBLIC_BASE_URL", f"http://{host}:8000") == f"http://{host}:8000"
    for raw in ("http://punctual.example", "http://localhost.example", "http://127.0.0.1.example"):
        assert problem(PUBLIC_BASE_URL=raw).startswith("PUBLIC_BASE_URL must be https, ")
        assert problem(PUBLIC_BASE_URL=raw, PUNCTUAL_LOCAL="1").startswith("PUNCTUAL_LOCAL must be unset where ")


def test_a_webhook_for_tests_is_for_the_local_stack_only():
    raw = "https://n8n.example/webhook-test/publish"
    assert problem(N8N_WEBHOOK_URL=raw).startswith("N8N_WEBHOOK_URL is a test URL")
    assert read(N8N_WEBHOOK_URL=raw, PUNCTUAL_LOCAL="1").n8n_webhook_url == raw


def test_relations_between_settings_are_strict():
    assert value("PUBLISH_LEASE_SECONDS", "30.01") == 30.01
    message = problem(PUBLISH_LEASE_SECONDS="2.5", N8N_TIMEOUT_SECONDS="2.5")
    assert message.startswith("PUBLISH_LEASE_SECONDS (2.5) must be longer than N8N_TIMEOUT_SECONDS (2.5)")
    assert value("SWEEP_BUDGET_SECONDS", "299.99") == 299.99
    assert problem(SWEEP_BUDGET_SECONDS="300").startswith("SWEEP_BUDGET_SECONDS must be shorter than ")
    assert value("DISPATCH_LEAD_SECONDS", "30") == 30
    assert problem(ACCOUNT_SPACING_SECONDS="86400.01").startswith("ACCOUNT_SPACING_SECONDS must be 86400 or less")
    assert problem(DISPATCH_LEAD_SECONDS="30.01").startswith("DISPATCH_LEAD_SECONDS must be 30 or less")


BROKEN = dict.fromkeys(DURATIONS, "nan") | dict.fromkeys(FROM_ZERO + FROM_ONE, "x") | dict.fromkeys(SECRETS, "hunter2")
BROKEN |= dict.fromkeys(("PUBLIC_BASE_URL", "AUTH_JWT_SECRET", "TOKEN_ENCRYPTION_KEYS"), "hunter2")
BROKEN |= {"CORS_ORIGINS": "hunter2.example", "UNKNOWN_OUTCOME_POLICY": "guess"}
BROKEN |= {"PUNCTUAL_LOCAL": "yes", "N8N_WEBHOOK_AUTH_HEADER": "hunter2"}
BROKEN |= {"N8N_WEBHOOK_URL": "hunter2", "AUTH_JWKS_URL": "hunter2", "DATABASE_URL": "mysql://u:hunter2@h/d"}


def test_all_problems_are_reported_together():
    found = problems(BROKEN)
    assert sorted(line.split()[0] for line in found) == sorted(BROKEN)
    assert [line for line in found if not any(word in line for word in TO_DO)] == []


def test_every_contradiction_has_a_cure():
    found = problems(QSTASH_TOKEN="t", PUBLISH_LEASE_SECONDS="1", SWEEP_BUDGET_SECONDS="301")
    found += problems(PUBLIC_BASE_URL="http://a.example", N8N_WEBHOOK_URL="https://n8n.example/webhook-test/x")
    found += problems(JWKS, AUTH_JWT_SECRET=SIGNING, AUTH_JWKS_URL="https://a.example", DISPATCH_LEAD_SECONDS="31")
    found += problems(DATABASE_URL="sqlite:///x", VERCEL="1")
    named = ["AUTH_JWT_SECRET", "DATABASE_URL", "DISPATCH_LEAD_SECONDS", "N8N_WEBHOOK_URL", "PUBLIC_BASE_URL"]
    named += ["PUBLIC_BASE_URL", "PUBLISH_LEASE_SECONDS", "QSTASH_CURRENT_SIGNING_KEY", "SWEEP_BUDGET_SECONDS"]
    assert sorted(line.split()[0] for line in found) == named
    assert [line for line in found if not any(word in line for word in TO_DO)] == []


def test_no_value_of_a_secret_is_in_a_problem_or_a_traceback():
    secret = [name for name, raw in BROKEN.items() if "hunter2" in raw and name != "CORS_ORIGINS"]
    with pytest.raises(SettingsError) as caught:
        read({name: BROKEN[name] for name in secret})
    assert len(caught.value.problems) == len(secret)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_settings_are_frozen_and_hide_their_values():
    settings = read(QSTASH, CRON_SECRET=SECRET, DATABASE_URL="postgres://u:hunter2@h/d", TOKEN_ENCRYPTION_KEYS=KEY)
    for shown in (repr(settings), str(settings), f"{settings}", repr([settings])):
        assert not any(secret in shown for secret in (SECRET, "hunter2", KEY, "sig_1"))
    assert repr(settings) == "Settings(…)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.max_retries = 9  # type: ignore[misc]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is not a failure
@given(st.dictionaries(st.sampled_from(NAMES), st.text() | st.from_regex(r"\A-?\d{1,9}(\.\d+)?\Z") | st.just(SECRET)))
def test_any_environment_gives_settings_or_settings_error(environ: dict[str, str]):
    found = None
    try:
        read(environ)
    except SettingsError as error:
        found = error.problems
    assert found is None or (found and all(any(name in line for name in NAMES) for line in found))
