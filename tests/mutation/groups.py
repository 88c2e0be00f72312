"""The mutation groups: code, its tests, and the run of each group in its own copy of the tree.

A group runs only the tests closest to its code. A mutant killed only by a distant test would be killed by chance.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.mutation.judge import Mutant

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "mutants"
COPIED = ("app", "migrations", "tests")
IGNORED = shutil.ignore_patterns("__pycache__")

#: The tests nearest to a dispatch, by what follows `test_` in tests/use_cases.
DISPATCH_TESTS = [
    "dispatch",
    "dispatch_accounts",
    "dispatch_late_changes",
    "dispatch_early",
    "dispatch_tokens",
    "breaker",
    "outcomes",
    "report_published",
    "settle",
    "submission",
    "records",
    "trigger",
]

SWEEP_TESTS = ["sweep", "sweep_details", "sweep_expired", "sweep_overdue", "alarms", "records"]

DOOR, WAITING, FAIR_WAITING, ROOM, LANES, SENDERS, THREADS = (
    f"tests/simulation/test_gate_{part}.py"
    for part in ("door", "waiting", "fair_waiting", "room", "lanes", "senders", "threads")
)

#: Groups with SQL of their own for PostgreSQL. Their tests run on both databases.
ON_BOTH_DATABASES = ("claim_sql",)

#: Name → code and tests. A test is a folder, or a file of tests/use_cases named without `test_`.
GROUPS: dict[str, tuple[str, list[str]]] = {
    "domain": ("app/domain/*", ["tests/domain"]),
    "transition_sql": (
        "app/store/posts/transition_sql.py",
        ["tests/store", "records", "report_published", "recover_by_hand"],
    ),
    "transitions": (
        "app/store/posts/transitions.py",
        ["tests/store", "records", "report_published", "recover_by_hand"],
    ),
    "dispatch": ("app/delivery/dispatch.py", DISPATCH_TESTS),
    "prepare": ("app/delivery/prepare.py", [*DISPATCH_TESTS, "media", "pacing"]),
    "postpone": ("app/delivery/postpone.py", [*DISPATCH_TESTS, "accounts", "pacing"]),
    "send": ("app/delivery/send.py", ["send", "submission"]),
    "alone": ("app/delivery/alone.py", ["deliver_alone"]),
    "claim": ("app/delivery/claim.py", ["claim", "pause", WAITING]),
    "claim_sql": (
        "app/store/posts/claim_sql.py",
        [
            *("tests/store/test_claim.py", "tests/store/test_transition_conditions.py"),
            *("claim", "database_clock", "pause", "report_old_token"),
        ],
    ),
    "gate": ("app/delivery/gate/gate.py", [DOOR, THREADS, "gate_log"]),
    "waiting": ("app/delivery/gate/waiting.py", [WAITING, FAIR_WAITING, ROOM, LANES, DOOR]),
    "senders": ("app/delivery/gate/senders.py", [SENDERS, THREADS]),
    "settler": ("app/delivery/gate/settler.py", [THREADS, "gate_log"]),
    "replies": ("app/delivery/gate/replies.py", [THREADS]),
    "sharing": ("app/delivery/gate/sharing.py", ["sharing_thread", "shared_in_flight"]),
    "seats": ("app/delivery/seats.py", [*DISPATCH_TESTS, "stopping", "fair_gate"]),
    "settle": (
        "app/delivery/settle.py",
        [
            *("settle", "outcomes", "breaker", "report_failed", "report_published", "report_old_token", "records"),
            *("accounts", "unsent", "several_publishers", "misconfigured", "report_unnamed", "lease_alarm", "gate"),
            THREADS,
        ],
    ),
    "report": (
        "app/delivery/report.py",
        ["report_failed", "report_published", "refusals", "records", "dispatch_late_changes"],
    ),
    "schedule": ("app/posts/schedule.py", ["schedule", "accounts", "alarms", "recover_by_hand", "refusals", "records"]),
    "recover": ("app/posts/recover.py", ["recover_by_hand", "refusals", "records"]),
    "alarms": ("app/alarms.py", ["alarms", "dispatch_early", "schedule", "sweep", "sweep_overdue"]),
    "sweep": ("app/sweep/sweep.py", SWEEP_TESTS),
    "expire": ("app/sweep/expire.py", SWEEP_TESTS),
    "overdue": ("app/sweep/overdue.py", SWEEP_TESTS),
}

CONFIG = """
[tool.mutmut]
source_paths = ["app"]
only_mutate = [{code}]
also_copy = ["migrations"]
do_not_mutate_patterns = ['^\\s*emit\\(']
pytest_add_cli_args = [
    "-n0", "-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception",
    "-p", "tests.mutation.fresh_statements",
]
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
track_dependencies = false
"""


def run(name: str, workers: int | None) -> bool:
    """Test every mutant of the group. Return False if the tests fail, or cannot run, on the unchanged code.

    Log calls are not mutated: they are for people, and no guarantee depends on them.
    """
    code, chosen = GROUPS[name]
    tests = [one if "/" in one else f"tests/use_cases/test_{one}.py" for one in chosen]
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    for part in COPIED:
        shutil.copytree(ROOT / part, folder / part, ignore=IGNORED)
    settings = (ROOT / "pyproject.toml").read_text() + CONFIG.format(code=json.dumps(code), tests=json.dumps(tests))
    (folder / "pyproject.toml").write_text(settings)
    env = os.environ | ({"TEST_DATABASES": "sqlite,postgresql"} if name in ON_BOTH_DATABASES else {})
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(workers or 1)]
    with (folder / "mutmut.log").open("w") as log:
        print(f"{name} …", flush=True)
        return subprocess.run(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT).returncode == 0


def found(name: str) -> Iterator[Mutant]:
    """Yield the results of the group's mutants from mutmut's files."""
    folder = WORK / name
    for kept in sorted(folder.glob(f"mutants/{GROUPS[name][0]}.meta")):
        path = kept.relative_to(folder / "mutants").with_suffix("")
        for mutant, exit_code in json.loads(kept.read_text())["exit_code_by_key"].items():
            yield _mutant(folder, path, mutant, exit_code)


def _mutant(folder: Path, path: Path, name: str, exit_code: int | None) -> Mutant:
    os.chdir(folder)  # mutmut reads its settings and files from the working directory
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code

    status = status_by_exit_code[exit_code]
    module = path.with_suffix("").as_posix().replace("/", ".")
    function = name.removeprefix(f"{module}.").partition("__mutmut_")[0].removeprefix("x_")
    function = ".".join(part for part in function.split("ǁ") if part not in ("x", ""))
    if status == "killed":
        return Mutant(module, f"{module}.{function}", name, status)
    diff = get_diff_for_mutant(name, path=path).splitlines()[2:]
    removed, added = (" ".join(line[1:].strip() for line in diff if line.startswith(sign)) for sign in "-+")
    return Mutant(module, f"{module}.{function}", name, status, removed, added)
