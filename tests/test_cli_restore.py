"""`flask after-restore`: its output and exit status."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result

from app.domain.errors import Locked
from app.store.posts import transitions
from tests.adapters.servers import http_server, says
from tests.support.fakes import START
from tests.support.world import IN_TEN_MINUTES, World
from tests.web.site import SetClock, build, settings_for

RESTORE = IN_TEN_MINUTES + timedelta(seconds=15)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.close()


@contextmanager
def qstash_url() -> Iterator[str]:
    with http_server(says(200, {"messageId": "msg_new"}, Content_Type="application/json")) as server:
        yield server.url


def run(database_url: str, *arguments: str, **changes: Any) -> Result:
    clock = SetClock()
    clock.at = RESTORE
    with qstash_url() as url:
        site = build(settings_for(database_url, url, url, **changes), clock, [])
        result = site.app.test_cli_runner().invoke(args=["after-restore", *arguments])
        site.services.deps.db.close()
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def test_command_lists_held_posts_with_owner_platform_and_due_instant(world: World, database_url: str):
    post = world.scheduled()
    world.scheduled(at=RESTORE + timedelta(hours=1))
    result = run(database_url)
    assert result.exit_code == 0
    assert "The database's last instant: 2030-01-07T12:00:00.000Z." in result.stdout
    assert f"{post.id}  user-1  linkedin  due 2030-01-07T12:10:00.000Z  scheduled" in result.stdout
    assert "Held 1 posts: failed with outcome_unknown." in result.stdout
    assert "of 1 posts due later" in result.stdout
    assert "log could not be read" in result.stderr  # the server here has no log
    assert world.read(post).status == "failed"


def test_second_run_ends_with_0_and_holds_nothing(world: World, database_url: str):
    world.scheduled()
    run(database_url)
    result = run(database_url)
    assert result.exit_code == 0
    assert "Held 0 posts" in result.stdout


def test_dry_run_says_what_it_would_hold(world: World, database_url: str):
    post = world.scheduled()
    result = run(database_url, "--dry-run")
    assert (result.exit_code, world.read(post)) == (0, post)
    assert post.id in result.stdout
    assert "Would hold 1 posts. 0 posts due later would be armed again." in result.stdout


def test_since_is_taken_with_its_offset_and_dates_the_lost_send(world: World, database_url: str):
    post = world.scheduled()
    result = run(database_url, "--since", "2030-01-07T13:05:00+01:00")
    assert result.exit_code == 0
    assert world.attempts(post)[0].sent_at == START + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("since", "word"),
    [
        ("2030-01-07T12:05:00", "offset"),
        ("yesterday", "2026-"),
        ("", "2026-"),
        ("2031-01-01T00:00:00Z", "future"),
        ("9999-12-31T23:59:59-23:59", ""),
    ],
    ids=["no-offset", "words", "empty", "future", "out-of-range"],
)
def test_wrong_since_is_refused_and_nothing_is_changed(world: World, database_url: str, since: str, word: str):
    post = world.scheduled()
    result = run(database_url, "--since", since)
    assert result.exit_code == 1
    assert word in result.stderr
    assert "Traceback" not in result.output
    assert world.read(post) == post


def test_locked_post_is_counted_and_ends_with_1(world: World, database_url: str, monkeypatch: pytest.MonkeyPatch):
    world.scheduled()

    def refuse(*_: Any, **__: Any) -> None:
        raise Locked

    monkeypatch.setattr(transitions, "hold_after_restore", refuse)
    result = run(database_url)
    assert result.exit_code == 1
    assert "1 posts are locked and still in doubt. Run the command again." in result.stderr


def test_empty_database_has_nothing_to_hold(database_url: str):
    result = run(database_url)
    assert (result.exit_code, result.stdout) == (0, "The database is empty. Nothing to do.\n")


def test_missing_tables_are_named_with_their_cure(blank_database_url: str):
    result = run(blank_database_url)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "SELECT" not in result.stderr
