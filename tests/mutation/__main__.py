"""`make mutate`: mutmut breaks the heart of the code, one change at a time, and the tests of that code have to see it.

Passes where 90 % of the mutants are killed and every survivor has a reason in survivors.toml. Names or patterns of
mutants (`app.domain*`) run only those again, on top of what the last run found out; `--survivors` those that it left;
`--judge` none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.mutation.judge import Mutant, judge, lines, read_entries

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    parser.add_argument("names", nargs="*", help="mutants to run again, such as app.domain.retry*")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="how many to try at a time")
    parser.add_argument("--survivors", action="store_true", help="run again what survived the last run")
    parser.add_argument("--judge", action="store_true", help="judge the last run anew, run nothing")
    asked = parser.parse_args()
    os.chdir(ROOT)
    if asked.survivors:
        asked.names += [mutant.name for mutant in found() if not mutant.killed]
    if not asked.judge:
        if not asked.names:
            shutil.rmtree("mutants", ignore_errors=True)  # a new run judges nothing by what an older one found out
        command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(asked.workers), *asked.names]
        if subprocess.run(command).returncode:
            return 2
    verdict = judge(found(), read_entries())
    print("\n".join(lines(verdict)))
    return 0 if verdict.passed else 1


def found() -> Iterator[Mutant]:
    """Every mutant of the last run, by what mutmut keeps beside the mutated files."""
    from mutmut.configuration import config
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code

    for pattern in config().only_mutate:
        for path in sorted(ROOT.glob(pattern)):
            if path.suffix != ".py":
                continue
            path = path.relative_to(ROOT)
            data = SourceFileMutationData(path=path)
            data.load()
            for name, exit_code in data.exit_code_by_key.items():
                yield _mutant(path, name, status_by_exit_code[exit_code])


def _mutant(path: Path, name: str, status: str) -> Mutant:
    module = path.with_suffix("").as_posix().replace("/", ".")
    function = name.removeprefix(f"{module}.").partition("__mutmut_")[0].removeprefix("x_")
    function = ".".join(part for part in function.split("ǁ") if part not in ("x", ""))
    if status == "killed":
        return Mutant(module, f"{module}.{function}", name, status)
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    diff = get_diff_for_mutant(name, path=path).splitlines()[2:]
    removed, added = (" ".join(line[1:].strip() for line in diff if line.startswith(sign)) for sign in "-+")
    return Mutant(module, f"{module}.{function}", name, status, removed, added)


if __name__ == "__main__":
    raise SystemExit(main())
