"""The local stack's ports, secrets, settings and log watcher."""

import base64
import dataclasses
import json
import socket
import stat
from pathlib import Path

import pytest

from app.local import environment, ports
from app.local.errors import StackError
from app.local.log_watcher import LogWatcher, screen_text
from app.local.ports import Ports


def test_settings_change_the_ports() -> None:
    assert ports.from_environment({}) == Ports(8000, 8080, 5678, 8090)
    moved = {"PORT": "1", "PORT_QSTASH": "2", "PORT_N8N": "3", "PORT_LINKEDIN": "4"}
    assert ports.from_environment(moved) == Ports(1, 2, 3, 4)
    for wrong in ("0", "65536", "-1", "http"):
        with pytest.raises(StackError, match="PORT_N8N"):
            ports.from_environment({"PORT_N8N": wrong})


def test_a_busy_port_is_reported_with_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        free = ports.free()
        with pytest.raises(StackError, match=f"Port {port} .*PORT_QSTASH="):
            ports.check_free(Ports(free.app, port, free.n8n, free.linkedin))
    ports.check_free(free)


def test_free_ports_are_outside_the_range_that_clients_get() -> None:
    lowest = 32_768  # Linux's default. macOS and IANA begin at 49,152
    assert all(port < lowest for port in dataclasses.astuple(ports.free()))


def test_two_services_cannot_share_a_port() -> None:
    free = ports.free()
    with pytest.raises(StackError, match="PORT and PORT_N8N"):
        ports.check_free(Ports(free.app, free.qstash, free.app, free.linkedin))


def test_secrets_are_created_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = environment.load_secrets(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert environment.load_secrets(file) == made
    assert set(made) == set(environment.SECRETS)
    assert all(len(secret) >= 32 for secret in made.values())
    assert len(set(made.values())) == len(made)
    assert len(base64.urlsafe_b64decode(made["TOKEN_ENCRYPTION_KEYS"])) == 32
    assert environment.load_secrets(tmp_path / "others.json") != made


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"CRON_SECRET": "x"})])
def test_a_damaged_secrets_file_is_reported(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(content)
    with pytest.raises(StackError, match=r"secrets\.json is damaged"):
        environment.load_secrets(file)


def test_the_shell_may_tune_the_stack_but_not_redirect_it() -> None:
    shell = {
        "VERCEL": "1",
        "AUTH_JWKS_URL": "https://x",
        "CRON_SECRET_PREVIOUS": "of-another-installation",
        "ALLOW_HTTP_HOSTS": "n8n",
        "MAX_RETRIES": "7",
        "DATABASE_URL": "sqlite:///x",
        "HOME": "/",
    }
    kept = environment.base(shell, alone=False)
    assert {name for name in shell if name in kept} == {"MAX_RETRIES", "DATABASE_URL", "HOME"}
    assert {name for name in shell if name in environment.base(shell, alone=True)} == {"HOME"}
    assert "127.0.0.1" in kept["NO_PROXY"]


def test_a_database_url_of_the_shell_replaces_sqlite(tmp_path: Path) -> None:
    made = environment.load_secrets(tmp_path / "secrets.json")
    own = environment.settings(Ports(), tmp_path, made, "postgresql://localhost/punctual")
    assert own["DATABASE_URL"] == "postgresql://localhost/punctual"
    usual = environment.settings(Ports(), tmp_path, made, None)
    assert usual["DATABASE_URL"] == f"sqlite:///{tmp_path}/punctual.sqlite3"
    assert usual["PUBLIC_BASE_URL"] == "http://127.0.0.1:8000"
    assert usual["QSTASH_URL"] == "http://127.0.0.1:8080"
    assert usual["N8N_WEBHOOK_URL"] == "http://127.0.0.1:5678/webhook/publish-linkedin"
    assert usual["LINKEDIN_TOKEN_URL"] == "http://127.0.0.1:8090/oauth/v2/accessToken"


@pytest.mark.parametrize(
    ("name", "line", "shown"),
    [
        ("app", '{"at":"2026-12-01T08:00:00.012+00:00","level":"info","event":"post.settled","post_id":"p"}', True),
        ("app", '{"at":"2026-12-01T08:00:00.012+00:00","level":"info","event":"post.dispatch","post_id":"p"}', False),
        ("app", '{"at":"2026-12-01T08:00:00.012+00:00","level":"warning","event":"qstash.down"}', True),
        ("app", "[2026-12-01 08:00:00 +0000] [12] [INFO] Booting worker", False),
        ("app", "[2026-12-01 08:00:00 +0000] [12] [ERROR] Worker failed to boot", True),
        ("cron", '08:00:00 200 {"recovered":0,"total":0} (4 ms)', False),
        ("cron", '08:00:00 200 {"recovered":2,"total":2} (4 ms)', True),
        ("cron", "08:00:00 no answer: refused (1 ms)", True),
        ("n8n", "n8n stand-in: listening on http://127.0.0.1:5678", False),
        ("n8n", "Traceback (most recent call last):", True),
    ],
)
def test_routine_log_lines_are_not_shown(name: str, line: str, shown: bool) -> None:
    assert (screen_text(name, line) is not None) == shown


def test_a_log_line_is_shown_once_and_only_when_complete(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("[ERROR] before\n")
    watcher = LogWatcher("app", log)
    with log.open("a") as out:
        out.write("[ERROR] one\n[ERROR] t")
        out.flush()
        assert [line.rpartition("│")[2].strip() for line in watcher.new_lines()] == ["[ERROR] one"]
        out.write("wo\n")
        out.flush()
    assert [line.rpartition("│")[2].strip() for line in watcher.new_lines()] == ["[ERROR] two"]
    assert not list(watcher.new_lines())
    watcher.close()
