"""The image, the compose file and the systemd units: safe defaults, and nothing that does not exist."""

import configparser
import fnmatch
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.serve import SETTLE_SECONDS
from app.settings.environment import read_settings
from app.settings.values import Settings
from tests.web.site import SetClock, build, settings_for

ROOT = Path(__file__).parent.parent
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "app", "sweep", "qstash")
UNITS = sorted((ROOT / "docs" / "deploy").glob("*.service"))
#: The longest drain of the server with the default settings, in seconds.
GRACE = 30 + 2 + 2 + SETTLE_SECONDS


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions in order, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines if line.strip()]


def final_stage() -> dict[str, str]:
    whole = instructions()
    start = max(index for index, (word, _) in enumerate(whole) if word == "FROM")
    return dict(whole[start:])


def in_context(path: str) -> bool:
    """Return True if .dockerignore lets this path into the build. The last matching line decides."""
    kept = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        bare = pattern.lstrip("!").removeprefix("**/")
        names = [path, *map(str, Path(path).parents), *Path(path).parts]
        if any(fnmatch.fnmatch(name, bare) for name in names if name != "."):
            kept = pattern.startswith("!")
    return kept


def test_image_runs_without_rights_a_shell_or_a_package_manager():
    final = final_stage()
    assert final["FROM"] == "scratch"
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", final["USER"])
    assert "RUN" not in final
    assert final["CMD"] == '["python", "-m", "app.serve", "--host", "0.0.0.0"]'
    assert "/healthz" in final["HEALTHCHECK"]


def test_image_installs_the_locked_packages_with_their_hashes():
    assert any("--require-hashes" in text for word, text in instructions() if word == "RUN")
    extras = re.findall(r"EXTRA[=-](\w+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert extras
    assert all((ROOT / f"requirements-{extra}.txt").exists() for extra in extras)


def test_everything_that_is_copied_exists_and_enters_the_build():
    copied = [text.split()[:-1] for word, text in instructions() if word == "COPY" and "--from" not in text]
    names = [name for each in copied for name in each]
    for source in [name.replace("${EXTRA}", extra) for name in names for extra in ("server", "local")]:
        assert (ROOT / source).exists(), source
        assert in_context(source), source
    assert in_context("app/web/console/package.json")
    assert in_context("app/wiring.py")


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".git/config", ".venv/bin/python", "instance/punctual.sqlite3", "tests/conftest.py"),
        *("app/__pycache__/x.pyc", "app/web/console/node_modules/x/index.js", "app/web/console/dist/manifest.json"),
    ],
)
def test_secrets_and_local_files_stay_out_of_the_build(path: str):
    assert not in_context(path)


def test_compose_names_only_services_and_volumes_that_it_has():
    assert set(COMPOSE) <= {"name", "x-app", "services", "volumes"}
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in COMPOSE["volumes"], name
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"n8n", "qstash"}


def test_migrations_run_before_app_and_sweep():
    for name in ("app", "sweep"):
        assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["restart"] == "no"


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_a_read_only_root_and_no_rights(name: str):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_containers_have_longer_to_stop_than_the_server_takes():
    for name in ("app", "sweep"):
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > GRACE


def test_ports_are_open_on_this_machine_alone():
    for name, service in SERVICES.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_no_secret_has_a_default():
    for name, default in re.findall(r"\$\{([A-Z0-9_]+):-([^}]*)\}", COMPOSE_TEXT):
        assert not default or not re.search(r"SECRET|KEY|TOKEN|PASSWORD", name), name
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"SECRET|KEY|TOKEN|PASSWORD", name):
                assert str(value).startswith("${"), name


def test_compose_sets_only_variables_that_the_app_reads():
    known = {spec.name.upper() for spec in fields(Settings)}
    assert set(COMPOSE["x-app"]["environment"]) <= known


def test_settings_of_the_trial_with_the_stand_in_are_accepted():
    """As on the page: QStash's stand-in and n8n in the same network, by plain http."""
    page = (ROOT / "docs" / "deploy" / "docker.md").read_text(encoding="utf-8")
    block = re.search(r"```sh\n(# trial\n.*?)```", page, re.DOTALL)
    assert block
    environ = dict(re.findall(r"^([A-Z0-9_]+)=(\S+)", block.group(1), re.MULTILINE))
    secrets = {name: "0123456789abcdef" * 4 + str(index) for index, name in enumerate(sorted(environ))}
    made = {name: secrets[name] if value.startswith("$(") else value for name, value in environ.items()}
    made |= {"DATABASE_URL": "postgresql://punctual:secret@postgres:5432/punctual"}
    made["TOKEN_ENCRYPTION_KEYS"] = "qv3xR1n6mUu3o0l2Wc9w8a3mH5zYt7kPb1dEfGhIjKs="
    made.pop("POSTGRES_PASSWORD")
    settings = read_settings(made)
    assert (settings.qstash_url, settings.public_base_url) == ("http://qstash:8080", "http://app:8000")


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_are_hardened_and_give_time_to_stop(path: Path):
    service = unit(path)["Service"]
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("punctual", "true", "strict")
    assert (service["CapabilityBoundingSet"], service["ProtectHome"]) == ("", "true")
    assert int(service["TimeoutStopSec"]) > GRACE
    assert "Environment=" not in path.read_text(encoding="utf-8")  # secrets are in a file that others cannot read


def test_units_and_containers_start_commands_that_exist():
    site = build(settings_for("sqlite://", "http://127.0.0.1:9", "http://127.0.0.1:9"), SetClock(), [])
    commands = [unit(path)["Service"]["ExecStart"].split() for path in UNITS]
    commands += [SERVICES[name]["command"] for name in ("migrate", "sweep")]
    for command in commands:
        if "wsgi" in command:
            name = command[command.index("wsgi") + 1]
            assert name in site.app.cli.commands, command
        else:
            assert "app.serve" in command, command
    site.services.deps.db.close()


def test_timer_starts_its_service_every_five_minutes():
    timer = unit(ROOT / "docs" / "deploy" / "punctual-sweep-once.timer")
    assert timer["Timer"]["OnCalendar"] == "*:0/5"
    assert (ROOT / "docs" / "deploy" / "punctual-sweep-once.service").exists()
