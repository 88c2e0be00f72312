"""`make mutate`: mutmut breaks the heart of the code, one change at a time, and the tests of that code have to see it.

Passes where 90 % of the mutants are killed and every survivor has a reason in survivors.toml. Names of groups (`domain
posts`) run only those again, on top of what the last run found out; `--judge` runs nothing.
"""

from __future__ import annotations

import argparse
import os
import sys

from tests.mutation.groups import GROUPS, found, run
from tests.mutation.judge import judge, lines, read_entries


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"which to run: {', '.join(GROUPS)}; all when none is named")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="how many mutants to try at a time")
    parser.add_argument("--judge", action="store_true", help="judge the last run anew, run nothing")
    asked = parser.parse_args()
    if wrong := set(asked.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(wrong))}")
    for name in [] if asked.judge else asked.groups or GROUPS:
        if not run(name, asked.workers):
            print(f"The tests of {name} could not be run on the code as it is.", file=sys.stderr)
            return 2
    verdict = judge((mutant for name in GROUPS for mutant in found(name)), read_entries())
    print("\n".join(lines(verdict)))
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
