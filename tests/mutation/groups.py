"""Which code is mutated against which tests, and the running of it, each group in a copy of the tree of its own.

A group's tests are the ones that stand nearest: what only a distant test would notice, by chance, is not guarded.
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
FORGOTTEN = shutil.ignore_patterns("__pycache__")

#: Name → the code, and its tests: folders, or files of tests/use_cases by what follows `test_`.
GROUPS: dict[str, tuple[str, list[str]]] = {
    "domain": ("app/domain/*", ["tests/domain"]),
    "moving": ("app/store/posts/transition_sql.py", ["tests/store", "records", "report_published", "recover_by_hand"]),
    "posts": ("app/store/posts/transitions.py", ["tests/store", "records", "report_published", "recover_by_hand"]),
    "dispatching": (
        "app/delivery/dispatch.py",
        [
            "dispatch",
            "dispatch_accounts",
            "dispatch_at_the_edge",
            "dispatch_early",
            "breaker",
            "outcomes",
            "report_published",
            "settle",
            "submission",
            "records",
        ],
    ),
    "settling": (
        "app/delivery/settle.py",
        ["settle", "outcomes", "breaker", "report_failed", "report_published", "records", "accounts"],
    ),
    "reporting": (
        "app/delivery/report.py",
        ["report_failed", "report_published", "refusals", "records", "dispatch_at_the_edge"],
    ),
    "scheduling": (
        "app/posts/schedule.py",
        ["schedule", "accounts", "arming", "recover_by_hand", "refusals", "records"],
    ),
    "arming": ("app/alarms.py", ["arming", "dispatch_early", "schedule", "sweep", "sweep_overdue"]),
    "recovering": (
        "app/sweep/sweep.py",
        ["sweep", "sweep_details", "sweep_expired", "sweep_overdue", "arming", "records"],
    ),
}

CONFIG = """
[tool.mutmut]
source_paths = ["app"]
only_mutate = [{code}]
also_copy = ["migrations"]
do_not_mutate_patterns = ['^\\s*emit\\(']
pytest_add_cli_args = ["-n0", "-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception"]
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
track_dependencies = false
"""


def run(name: str, workers: int | None) -> bool:
    """Try every mutant of the group. What is written to the log is not mutated: it is for people, and no promise hangs
    on it. False when the tests do not pass, or cannot be run, on the code as it is."""
    code, chosen = GROUPS[name]
    tests = [one if "/" in one else f"tests/use_cases/test_{one}.py" for one in chosen]
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    for part in COPIED:
        shutil.copytree(ROOT / part, folder / part, ignore=FORGOTTEN)
    settings = (ROOT / "pyproject.toml").read_text() + CONFIG.format(code=json.dumps(code), tests=json.dumps(tests))
    (folder / "pyproject.toml").write_text(settings)
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(workers or 1)]
    with (folder / "mutmut.log").open("w") as log:
        print(f"{name} …", flush=True)
        return subprocess.run(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT).returncode == 0


def found(name: str) -> Iterator[Mutant]:
    """What became of the group's mutants, by what mutmut keeps beside the mutated files."""
    folder = WORK / name
    for kept in sorted(folder.glob(f"mutants/{GROUPS[name][0]}.meta")):
        path = kept.relative_to(folder / "mutants").with_suffix("")
        for mutant, exit_code in json.loads(kept.read_text())["exit_code_by_key"].items():
            yield _mutant(folder, path, mutant, exit_code)


def _mutant(folder: Path, path: Path, name: str, exit_code: int | None) -> Mutant:
    os.chdir(folder)  # mutmut reads its settings and its files from where it stands
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
