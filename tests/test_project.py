"""What is said in two places is the same in both."""

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


def test_the_version_is_the_manifests():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_the_platforms_cron_sweeps_as_often_as_the_settings_believe():
    crons = json.loads((ROOT / "vercel.json").read_text())["crons"]
    minutes = int(SWEEP_PERIOD_SECONDS // 60)
    assert crons == [{"path": "/api/posts/recover", "schedule": f"*/{minutes} * * * *"}]


def test_the_platform_gives_a_sweep_and_a_dispatch_the_time_they_may_take():
    function = json.loads((ROOT / "vercel.json").read_text())["functions"]["wsgi.py"]
    assert 45 <= function["maxDuration"] <= 60  # the sweep's budget plus one send; the smallest plan's limit


def test_the_lock_files_agree_and_each_holds_the_one_before():
    runtime, local, dev, bench = map(pinned, LOCKS)
    assert runtime.items() < local.items() < dev.items() < bench.items()


def test_the_lock_files_name_packages_and_hashes_and_no_registry():
    for lock in LOCKS:
        text = (ROOT / lock).read_text()
        assert not re.search(r"://|index-url|find-links", text), lock
        assert text.count("==") <= text.count("--hash=sha256:"), lock
