"""`make mutate`: mutmut changes the core code, one change at a time, and its tests must fail.

Passes if 90 % of the mutants are killed and every survivor has a reason in survivors.toml. With group names (`domain
posts`) only those groups run again, and the results of the last run are kept for the others. `--judge` runs nothing.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.mutation.groups import GROUPS, found, run
from tests.mutation.judge import judge, lines, read_entries


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"which to run: {', '.join(GROUPS)}; all by default")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="mutants to test at a time")
    parser.add_argument("--judge", action="store_true", help="judge the last run again, run nothing")
    asked = parser.parse_args()
    if wrong := set(asked.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(wrong))}")
    for name in [] if asked.judge else asked.groups or GROUPS:
        if not run(name, asked.workers):
            print(f"The tests of {name} failed, or could not run, on the unchanged code.", file=sys.stderr)
            return 2
    verdict = judge((mutant for name in GROUPS for mutant in found(name)), read_entries())
    print("\n".join(lines(verdict)))
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
