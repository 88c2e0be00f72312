"""The settings on Vercel: defaults, the function's time limit, previews, the pool of connections."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from app.settings.environment import read_settings
from app.settings.values import Settings, SettingsError
from app.settings.vercel import MAX_DURATION_SECONDS
from app.wiring import SERVERLESS_POOL, wire

ROOT = Path(__file__).parent.parent
VERCEL = {"VERCEL": "1", "VERCEL_ENV": "production", "DATABASE_URL": "postgresql://h/d"}
VERCEL |= {"VERCEL_PROJECT_PRODUCTION_URL": "punctual.example"}
QSTASH = {"QSTASH_TOKEN": "token", "QSTASH_CURRENT_SIGNING_KEY": "sig_1"}
PREVIEW = VERCEL | QSTASH | {"VERCEL_ENV": "preview"}


def read(environ: dict[str, str], **more: str) -> Settings:
    return read_settings({**environ, **more})


def problems(environ: dict[str, str], **more: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(environ, **more)
    return caught.value.problems


def test_automatic_lead_is_three_to_ten_seconds_on_vercel_and_one_to_fifteen_elsewhere():
    assert read(VERCEL).auto_lead_seconds == (3, 10)
    assert read(PREVIEW, PUBLIC_BASE_URL="https://staging.example").auto_lead_seconds == (3, 10)
    assert read({}).auto_lead_seconds == (1, 15)
    assert read(VERCEL, VERCEL="0").auto_lead_seconds == (1, 15)
    assert read(VERCEL, DISPATCH_LEAD_SECONDS="Auto").longest_lead_seconds == 10


@pytest.mark.parametrize("given", ["1", "0.5", "7"])
def test_given_lead_wins_over_the_default_on_vercel(given: str):
    assert read(VERCEL, DISPATCH_LEAD_SECONDS=given).dispatch_lead_seconds == float(given)


def test_limit_of_a_request_is_the_one_in_vercel_json():
    function = json.loads((ROOT / "vercel.json").read_text())["functions"]["wsgi.py"]
    assert function["maxDuration"] == MAX_DURATION_SECONDS


@pytest.mark.parametrize(
    ("name", "fits", "too_long"),
    [
        ("N8N_TIMEOUT_SECONDS", "32.9", "45"),
        ("DISPATCH_LEAD_SECONDS", "17.9", "18"),
        ("MEDIA_CHECK_SECONDS", "4.9", "17"),
        ("SWEEP_BUDGET_SECONDS", "27.9", "28"),
        ("POLL_JITTER_SECONDS", "2.9", "3"),
    ],
)
def test_delivery_and_sweep_end_before_the_platform_ends_them(name: str, fits: str, too_long: str):
    read(VERCEL, **{name: fits})
    found = problems(VERCEL, **{name: too_long})
    assert all(f"{name} ({too_long}" in problem and "Vercel ends it after 60" in problem for problem in found)
    read(VERCEL, VERCEL="", **{name: too_long})


def test_each_long_span_is_reported_once_with_a_cure():
    found = problems(VERCEL, N8N_TIMEOUT_SECONDS="50", SWEEP_BUDGET_SECONDS="50")
    assert [problem.split()[0] for problem in found] == ["N8N_TIMEOUT_SECONDS", "SWEEP_BUDGET_SECONDS"]
    assert all("must be lower" in problem for problem in found)


def test_qstash_waits_for_the_whole_delivery():
    [found] = problems(VERCEL, N8N_TIMEOUT_SECONDS="1", SWEEP_BUDGET_SECONDS="1", MEDIA_CHECK_SECONDS="21")
    assert found.startswith("MEDIA_CHECK_SECONDS (21) must be lower: QStash waits 41 seconds")
    settings = read(VERCEL, **QSTASH)
    delivery = settings.longest_lead_seconds + settings.media_check_seconds + settings.n8n_timeout_seconds
    assert delivery < settings.message_timeout_seconds < 120  # the shortest limit that QStash has documented for a plan


@pytest.mark.parametrize(
    "base", ["", "https://punctual.example", "https://punctual.example/", "https://Punctual.example:443"]
)
def test_preview_with_productions_qstash_is_refused_with_the_cure(base: str):
    [found] = problems(PREVIEW, PUBLIC_BASE_URL=base)
    assert found.startswith("PUBLIC_BASE_URL is ")
    assert "preview that has QSTASH_TOKEN" in found
    assert "for Production only" in found


def test_preview_with_its_own_address_or_without_qstash_may_start():
    assert read(PREVIEW, PUBLIC_BASE_URL="https://staging.example").public_base_url == "https://staging.example"
    assert read(PREVIEW, QSTASH_TOKEN="").poll_mode
    assert read(VERCEL | QSTASH).public_base_url == "https://punctual.example"


@pytest.mark.parametrize(("vercel", "pool"), [(True, (4, 4)), (False, (20, 20))])
def test_pool_of_connections_is_small_on_vercel(vercel: bool, pool: tuple[int, int]):
    settings = dataclasses.replace(Settings(), database_url="postgresql://h/d", vercel=vercel)
    held: Any = wire(settings).deps.db.engine.pool
    assert (held.size(), held._max_overflow) == pool
    assert SERVERLESS_POOL == {"pool_size": 4, "pool_overflow": 4}
