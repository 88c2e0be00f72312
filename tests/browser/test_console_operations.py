"""The page of operations, as an admin and as a user."""

import subprocess
import sys

import pytest

from tests.browser.console import Console
from tests.browser.people import Person
from tests.local.stacks import Running
from tests.local.support import ROOT, environment

pytestmark = pytest.mark.xdist_group("local-stack")
PAGE = "/console/operations"


def flask(up: Running, *arguments: str) -> None:
    """Run a command of the app on the stack's database."""
    address = f"sqlite:///{up.state / 'punctual.sqlite3'}"
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment(DATABASE_URL=address), check=True, timeout=60)


def test_admin_sees_services_lateness_sweeps_and_runs_a_sweep(shared_console: Console, shared_up: Running):
    poster = Person(shared_up, "poster")
    poster.account()
    poster.failures(3)
    root = Person(shared_up, "root", admin=True)
    root.enters(shared_console, PAGE)
    text = shared_console.reads("Lateness of first tries")
    assert shared_console.find_all(".rail a[href='/console/operations']")
    for part in ("Posts go out.", "SQLite", "QStash", "n8n", "Throughput", "The next hour", "The latest late posts"):
        assert part in text, part
    charts = [one.get_attribute("aria-label") or "" for one in shared_console.find_all("figure svg")]
    assert any(label.startswith("Lateness over time. p50") for label in charts), charts
    shared_console.click("Sweep now")
    shared_console.reads("Swept:")
    shared_console.wait("the sweep's row", lambda: shared_console.find_all("#sweeps + * tbody tr"))
    shared_console.click("hour")
    shared_console.reads("Figures of the last hour")
    assert shared_console.path == f"{PAGE}?window=1h"
    shared_console.picture("operations")
    assert shared_console.violations() == []


def test_pause_is_shown_to_operators_and_authors_until_it_ends(shared_console: Console, shared_up: Running):
    author, root = Person(shared_up, "waiter"), Person(shared_up, "root", admin=True)
    flask(shared_up, "pause", "--reason", "n8n is updated")
    try:
        author.enters(shared_console)
        assert "Scheduled posts wait, and go out once the pause ends." in shared_console.reads("n8n is updated")
        shared_console.picture("paused")
        root.enters(shared_console, PAGE)
        shared_console.reads("All sending is paused.")
        assert shared_console.find_all(".banner")
    finally:
        flask(shared_up, "resume")
    shared_console.reads("Posts go out.")
    shared_console.wait("the banner's end", lambda: not shared_console.find_all(".banner"))


def test_user_reads_why_not(shared_console: Console, shared_up: Running):
    Person(shared_up, "nobody").enters(shared_console, PAGE)
    text = shared_console.reads("This page is for operators")
    assert "You are logged in as nobody" in text
    assert not shared_console.find_all(".rail a[href='/console/operations']")
    shared_console.picture("operations-user")
