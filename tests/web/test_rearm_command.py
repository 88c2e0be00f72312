"""The rearm command: its progress, its end, and its exit status."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.adapters.servers import HttpServer
from tests.test_cli import run
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, NOW, MessageServer, Site


def scheduled(site: Site, count: int) -> None:
    """Record the settings by a sweep, and schedule posts an hour apart."""
    assert run(site.app, "sweep").exit_code == 0
    alice = site.user("alice")
    alice.account()
    for number in range(1, count + 1):
        alice.schedule(alice.draft(content=f"Post {number}")["id"], NOW + number * HOUR)


def test_rearm_arms_all_posts_again_and_a_second_run_none(
    database_url: str, make_site: MakeSite, qstash: MessageServer
):
    scheduled(make_site(database_url), 5)
    moved = make_site(database_url, internal_api_secret="the-secret-from-now-on", sweep_batch_size=2)
    first, second = run(moved.app, "rearm"), run(moved.app, "rearm")
    lines = [line for line in first.stdout.splitlines() if not line.startswith("{")]
    assert lines[0] == "Armed 2 posts again, those due until 2026-11-02 10:00:00 UTC. Refused: 0."
    assert lines[-1] == "Every armed message fits the settings. Armed again now: 5."
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "Armed again now: 0." in second.stdout
    assert len(qstash.cancelled) == 5
    assert run(moved.app, "sweep").stdout.count("armed=0") == 1


def test_rearm_out_of_time_says_that_posts_are_left(sqlite_url: str, make_site: MakeSite):
    scheduled(make_site(sqlite_url), 3)
    moved = make_site(sqlite_url, internal_api_secret="the-secret-from-now-on", sweep_batch_size=1)
    readings = iter(range(10_000))
    clock: Any = moved.clock
    clock.now = lambda: NOW + dt.timedelta(seconds=next(readings) / 4)
    result = run(moved.app, "rearm", "--seconds", "1")
    assert result.exit_code == 1
    assert "Run the command again" in result.stderr
    assert "Armed again now" in run(moved.app, "rearm", "--seconds", "900").stdout


def test_rearm_with_qstash_down_fails_and_loses_no_post(sqlite_url: str, make_site: MakeSite, qstash: MessageServer):
    scheduled(make_site(sqlite_url), 3)
    moved = make_site(sqlite_url, internal_api_secret="the-secret-from-now-on")
    qstash.down = True
    result = run(moved.app, "rearm")
    assert result.exit_code == 1
    assert "QStash refused 3 messages" in result.stderr
    qstash.down = False
    moved.clock.at += 5 * dt.timedelta(minutes=1)
    assert "armed=3" in run(moved.app, "sweep").stdout


def test_rearm_without_a_database_fails_with_a_message(make_site: MakeSite):
    result = run(make_site("postgresql://me:very-secret@127.0.0.1:1/x").app, "rearm")
    assert result.exit_code == 1
    assert "database cannot be reached" in result.stderr
    assert "very-secret" not in result.output


def test_rearm_in_poll_mode_has_nothing_to_do(sqlite_url: str, make_site: MakeSite):
    result = run(make_site(sqlite_url, qstash_token=None).app, "rearm")
    assert (result.exit_code, result.stdout) == (0, "Poll mode has no messages, so there is nothing to arm.\n")


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "1e9"])
def test_rearm_refuses_an_invalid_bound(sqlite_url: str, make_site: MakeSite, n8n: HttpServer, seconds: str):
    assert run(make_site(sqlite_url).app, "rearm", "--seconds", seconds).exit_code == 2
