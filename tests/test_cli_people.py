"""`flask user export`, `flask user delete` and `flask company delete`: their output, files and exit status."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from app.companies import companies
from tests.support.world import USER, World
from tests.web.site import SetClock, build, settings_for

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()


def run(database_url: str, *arguments: str, answer: str | None = None, **changes: Any) -> Result:
    site = build(settings_for(database_url, NOWHERE, NOWHERE, **changes), SetClock(), [])
    result = site.app.test_cli_runner().invoke(args=list(arguments), input=answer)
    site.services.deps.db.close()
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def test_export_goes_to_stdout_or_to_a_private_new_file(world: World, database_url: str, tmp_path: Path):
    world.draft(content="Grüße")
    assert json.loads(run(database_url, "user", "export", USER).stdout)["posts"][0]["content"] == "Grüße"
    file = tmp_path / "export.json"
    assert run(database_url, "user", "export", USER, "--output", str(file)).exit_code == 0
    assert json.loads(file.read_text())["userId"] == USER
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = run(database_url, "user", "export", USER, "--output", str(file))
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)
    nowhere = run(database_url, "user", "export", USER, "--output", str(tmp_path / "no" / "file"))
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (1, True)


def test_deletion_asks_and_a_dry_run_only_counts(world: World, database_url: str):
    post = world.draft()
    dry = run(database_url, "user", "delete", USER, "--dry-run")
    assert dry.exit_code == 0
    assert f"Stored about {USER}: 1 posts, 1 socialAccounts" in dry.stdout
    assert run(database_url, "user", "delete", USER, answer="n\n").exit_code == 1
    assert world.read(post) == post
    done = run(database_url, "user", "delete", USER, "--yes")
    assert done.exit_code == 0
    assert "Deleted 1 posts, 1 accounts" in done.stdout
    assert "Not revoked: linkedin account" in done.stderr
    assert run(database_url, "user", "delete", USER, "--yes").stdout == f"Nothing is stored about {USER}.\n"


def test_refused_deletion_says_what_to_do(world: World, database_url: str):
    company = companies.create_company(world.deps, USER, "Firm").id
    refused = run(database_url, "user", "delete", USER, "--yes")
    assert refused.exit_code == 1
    assert "flask company delete ID" in refused.stderr
    assert "2 members" not in run(database_url, "company", "delete", company, "--dry-run").stdout
    assert run(database_url, "company", "delete", company, "--yes").exit_code == 0
    unknown = run(database_url, "company", "delete", company, "--yes")
    assert (unknown.exit_code, unknown.stderr) == (1, "Error: There is no such company.\n")
    assert run(database_url, "company", "delete", "Firm").exit_code == 2
