"""The doctor's lines about the sweep, the alerts and the armed messages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.alerts import raise_alert
from app.domain.alerts import CURES
from app.pause import pause
from tests.doctor.installation import (
    Outside,
    doctor,
    execute,
    installed,
    not_ok,
    only_problem,
    swept,
)


@pytest.mark.parametrize("poll", [False, True])
@pytest.mark.parametrize("minutes", [16, 20, 600])
def test_a_dead_sweep_fails(database_url: str, outside: Outside, minutes: int, poll: bool):
    token = {"qstash_token": None} if poll else {}
    with installed(database_url, outside, **token) as site:
        swept(site).clock.at += timedelta(minutes=minutes)
        lines, status = doctor(site)
    assert status == 1
    [text] = [text for mark, about, text in lines if (mark, about) == ("FAIL", "sweep")]
    assert f"ran {minutes * 60} s ago" in text
    assert "GET /api/posts/recover" in text
    assert "no_sweep" not in str(lines)


def test_a_sweep_that_never_ran_is_a_warning_with_the_way_of_this_mode(sqlite_url: str, outside: Outside):
    texts = []
    for token in ({}, {"qstash_token": None}):
        with installed(sqlite_url, outside, **token) as site:
            texts += [text for mark, about, text in doctor(site)[0] if (mark, about) == ("WARN", "sweep")]
    assert texts[0].endswith("every five minutes, or let QStash do it: flask --app wsgi cron install")
    assert texts[1].endswith("every five minutes")
    assert all("flask --app wsgi sweep --every 300" in text for text in texts[:2])


def test_a_sweep_in_the_future_is_a_warning(database_url: str, outside: Outside):
    with installed(database_url, outside) as site:
        swept(site).clock.at -= timedelta(hours=2)
        only_problem(site, "WARN", "sweep", "in the future", "NTP")


def test_a_failed_sweep_is_a_warning(database_url: str, outside: Outside):
    with installed(database_url, outside) as site:
        swept(site)
        execute(database_url, "UPDATE sweeps SET last_status = 'failed'")
        only_problem(site, "WARN", "sweep", "failed", "log")


@pytest.mark.parametrize(
    ("kind", "mark"),
    [
        ("workflow_inactive", "FAIL"),
        ("breaker_open", "FAIL"),
        ("reports_refused", "FAIL"),
        ("message_service_unreachable", "FAIL"),
        ("reconnect_soon", "WARN"),
        ("duplicate_publish", "WARN"),
    ],
)
def test_a_standing_alert_is_printed_with_its_cure(database_url: str, outside: Outside, kind: str, mark: str):
    with installed(database_url, outside) as site:
        raise_alert(swept(site).services.deps, kind, "post-of-a-user", "text about the post of a user")
        only_problem(site, mark, "alert", kind, CURES[kind])


def test_many_alerts_of_one_kind_are_one_line(sqlite_url: str, outside: Outside):
    with installed(sqlite_url, outside) as site:
        swept(site)
        for number in range(5):
            raise_alert(site.services.deps, "reconnect_soon", f"account-{number}", "detail")
        only_problem(site, "WARN", "alert", "reconnect_soon")


def test_armed_messages_with_a_former_content_are_a_warning(database_url: str, outside: Outside):
    with installed(database_url, outside) as site:
        swept(site)
    with installed(database_url, outside) as moved:  # on another port
        only_problem(moved, "WARN", "messages", "flask --app wsgi rearm")
        swept(moved)
        assert not_ok(doctor(moved)[0]) == []


def test_a_pause_of_all_sending_fails_with_its_reason_and_its_end(database_url: str, outside: Outside):
    with installed(database_url, outside) as site:
        pause(swept(site).services.deps, "n8n is updated")
        only_problem(site, "FAIL", "sending", "n8n is updated", "flask resume")
