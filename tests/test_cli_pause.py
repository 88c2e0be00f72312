"""`flask pause` and `flask resume`: their output and exit status."""

from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result

from tests.support.world import IN_TEN_MINUTES, World
from tests.web.site import SetClock, build, settings_for

NOWHERE = "http://127.0.0.1:9"


def run(database_url: str, *arguments: str, **changes: Any) -> Result:
    clock = SetClock()
    clock.at = IN_TEN_MINUTES + timedelta(minutes=1)
    site = build(settings_for(database_url, NOWHERE, NOWHERE, **changes), clock, [])
    result = site.app.test_cli_runner().invoke(args=list(arguments))
    site.services.deps.db.close()
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def test_pause_and_resume_say_what_happens_next(database_url: str):
    paused = run(database_url, "pause", "--reason", "n8n is updated")
    assert paused.exit_code == 0
    assert ": n8n is updated." in paused.stdout
    assert "flask resume" in paused.stdout
    world = World(database_url)
    world.due()
    world.close()
    resumed = run(database_url, "resume", max_lateness_seconds=60.0)
    assert resumed.exit_code == 0
    assert "Overdue posts: 1." in resumed.stdout
    assert "Posts due within the last 30 s are left to the sweep after that." in resumed.stdout
    assert "MAX_LATENESS_SECONDS" in resumed.stdout
    assert run(database_url, "resume").stdout == "Sending was not paused.\n"


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_database_without_migrations_is_told_in_one_line(blank_database_url: str, command: str):
    result = run(blank_database_url, command)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "Error: " in result.stderr


def test_too_long_reason_is_refused(database_url: str):
    assert run(database_url, "pause", "--reason", "x" * 201).exit_code == 1
