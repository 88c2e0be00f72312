"""`make run`: the whole stack starts, prints the next steps, and stops without leftovers in every case."""

import os
import re
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from app.local import ports
from app.local.client import Client
from app.local.demo.cases import iso
from app.local.ports import Ports
from app.local.stack import WORKERS, workers_for
from tests.local.stacks import Running, is_up, processes_of, stack, start, wait_until_gone
from tests.local.support import DEADLINE_SECONDS, wait_for

pytestmark = pytest.mark.xdist_group("local-stack")  # two stacks at a time would compete for the processor
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def schedule(api: Client, due: datetime, content: str = "") -> str:
    post = api.post("/api/posts", {"content": content or f"From the stack's tests {uuid4()}", "platform": "linkedin"})
    api.post(f"/api/posts/{post['id']}/schedule", {"scheduledAt": iso(due)})
    return str(post["id"])


def published(api: Client, post_id: str, seconds: float = DEADLINE_SECONDS) -> dict[str, Any]:
    def published_post() -> dict[str, Any] | None:
        post: dict[str, Any] = api.get(f"/api/posts/{post_id}")
        assert post["status"] != "failed", post
        return post if post["status"] == "published" else None

    found = wait_for("the post to be published", published_post, seconds)
    assert found is not None
    return found


def triggers(api: Client, post: dict[str, Any]) -> list[str]:
    """Return the trigger of each attempt, in order."""
    return [attempt["trigger"] for attempt in api.get(f"/api/posts/{post['id']}/timeline")["attempts"]]


def test_the_screen_shows_all_addresses(up: Running) -> None:
    for address in (up.ports.url("app"), up.ports.url("qstash"), up.ports.url("n8n"), str(up.state / "logs")):
        assert address in up.screen
    assert f"export API={up.ports.url('app')} TOKEN={up.token}" in up.screen
    for path in ("/healthz", "/docs"):
        assert is_up(up.ports.url("app") + path), path


def test_the_printed_addresses_of_the_console_sign_in_a_user_and_an_admin(up: Running) -> None:
    printed = dict(re.findall(r"^  (Console|Operator) +(\S+)$", up.screen, re.MULTILINE))
    for line, admin in (("Console", False), ("Operator", True)):
        page, _, token = printed[line].partition("#token=")
        assert page == f"{up.ports.url('app')}/console/login"
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.post(f"{up.ports.url('app')}/console/session", headers=headers, json={}, timeout=30)
        assert (answer.status_code, answer.json()["admin"]) == (200, admin)


def test_the_printed_token_can_publish_a_post(up: Running) -> None:
    api, n8n = up.api(), up.n8n()
    due = datetime.now(UTC) + timedelta(seconds=2.5)
    post = published(api, schedule(api, due))
    [sent] = n8n.get("/_local/ledger", postId=post["id"])
    assert sent["receivedAtMs"] >= due.timestamp() * 1000
    assert triggers(api, post) == ["message"]  # sent by its alarm and not by a sweep
    assert sent["urn"] == post["linkedinPostUrn"]


def test_secrets_are_private_and_not_printed(up: Running) -> None:
    file = up.state / "secrets.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not [secret for secret in file.read_text().split('"')[3::4] if secret in up.screen]


def test_each_process_has_a_log_file(up: Running) -> None:
    names = {log.name for log in (up.state / "logs").glob("*.log")}
    assert names >= {"app.log", "cron.log", "linkedin.log", "migrations.log", "n8n.log", "qstash.log"}
    wait_for("the first sweep", lambda: " 200 " in (up.state / "logs" / "cron.log").read_text())


def test_a_second_stack_on_the_same_state_is_refused(up: Running) -> None:
    second = start(up.state, ports.free())
    assert second.ended() == 1
    assert "Another local stack already runs" in second.screen
    assert second.all_ports_free()


def test_sqlite_has_one_worker_and_postgresql_has_more() -> None:
    assert workers_for("sqlite:////var/lib/punctual.sqlite3") == 1
    assert workers_for("postgresql+psycopg2://db.example/punctual") == WORKERS > 1


def test_a_busy_port_is_reported_before_any_process_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free = ports.free()
        busy = start(tmp_path, Ports(free.app, free.qstash, taken.getsockname()[1], free.linkedin))
        assert busy.ended() == 1
    assert f"Port {busy.ports.n8n} (n8n) is in use" in busy.screen
    assert "PORT_N8N=" in busy.screen
    assert "Traceback" not in busy.screen
    assert not (tmp_path / "logs").exists()


@on_linux
def test_sigterm_leaves_no_process_and_no_port(tmp_path: Path) -> None:
    with stack(tmp_path) as running:
        # The stack, the app's server and its worker, QStash, n8n, LinkedIn, cron.
        wait_for("all seven processes", lambda: len(processes_of(tmp_path)) >= 7)
        running.process.send_signal(signal.SIGTERM)
        assert running.ended() == 0
    wait_until_gone(tmp_path)
    assert running.all_ports_free()
    assert running.screen.rstrip().endswith("Stopped.")


def test_a_send_in_flight_is_completed_before_the_stack_stops(tmp_path: Path) -> None:
    with stack(tmp_path) as running:
        n8n = running.n8n()
        post_id = schedule(running.api(), datetime.now(UTC), f"[n8n:slow=2] {uuid4()}")
        wait_for("the send", lambda: n8n.get("/_local/ledger", postId=post_id))
        running.process.send_signal(signal.SIGTERM)
        assert running.ended() == 0
    settled = [line for line in (tmp_path / "logs" / "app.log").read_text().splitlines() if "post.settled" in line]
    assert len(settled) == 1
    assert '"accepted"' in settled[0]


@on_linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_during_the_start_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    running = start(tmp_path, ports.free())
    wait_for("the first child", lambda: (tmp_path / "logs" / "n8n.log").exists())
    running.process.send_signal(number)
    assert running.ended() == 0
    wait_until_gone(tmp_path)


@on_linux
def test_a_killed_child_stops_the_stack_and_is_named(tmp_path: Path) -> None:
    with stack(tmp_path) as running:
        [qstash] = [pid for pid, command in processes_of(tmp_path).items() if "app.local.qstash" in command]
        os.kill(qstash, signal.SIGKILL)
        assert running.ended() == 1
    assert "qstash stopped by itself (killed by SIGKILL)" in running.screen
    assert "Its last lines" in running.screen
    assert "listening on" in running.screen
    wait_until_gone(tmp_path)


@on_linux
def test_a_stack_restarted_after_a_kill_sends_by_the_alarm(tmp_path: Path) -> None:
    """The stack is killed after the scheduling and restarted. Its kept alarm sends the post once and not early."""
    chosen, began = ports.free(), time.monotonic()
    with stack(tmp_path, chosen) as first:
        restart_takes = max(8.0, 3 * (time.monotonic() - began))
        due = datetime.now(UTC) + timedelta(seconds=restart_takes)
        post_id = schedule(first.api(), due)
        first.process.kill()
        first.ended()
    wait_until_gone(tmp_path)
    with stack(tmp_path, chosen) as second:
        api, n8n = second.api(), second.n8n()
        post = published(api, post_id, restart_takes + DEADLINE_SECONDS)
        assert triggers(api, post) == ["message"]  # sent by the kept alarm and not by a sweep
        [sent] = n8n.get("/_local/ledger", postId=post_id)
    assert sent["receivedAtMs"] >= due.timestamp() * 1000
    assert post["attempt"] == 1
