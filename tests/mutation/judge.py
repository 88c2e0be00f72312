"""Judges the mutants: the score, and the survivors with and without a reason in survivors.toml."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SURVIVORS = Path(__file__).with_name("survivors.toml")
ENOUGH = 0.90
LITERAL = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Mutant:
    """One mutant of one function. `removed` and `added` are the changed lines without indentation."""

    module: str
    function: str
    name: str
    status: str
    removed: str = ""
    added: str = ""

    @property
    def killed(self) -> bool:
        return self.status in ("killed", "timeout")


@dataclass
class Verdict:
    """Mutants per module, explained and unexplained survivors, and entries without a survivor (`unused`)."""

    totals: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    explained: list[tuple[Mutant, str]] = field(default_factory=list)
    unexplained: list[Mutant] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def score(self) -> float:
        return self.killed.total() / self.totals.total() if self.totals else 0.0

    @property
    def passed(self) -> bool:
        return self.score >= ENOUGH and not self.unexplained


@dataclass
class Entry:
    """One reason for survivors: the function, the changed lines as in the mutant, and the reason."""

    function: str
    changes: list[str]
    reason: str

    def explains(self, mutant: Mutant) -> bool:
        return self.function == mutant.function and mutant.added in self.changes


def judge(mutants: Iterable[Mutant], entries: list[Entry]) -> Verdict:
    verdict, used = Verdict(), set[tuple[str, str]]()
    for mutant in mutants:
        verdict.totals[mutant.module] += 1
        if mutant.killed:
            verdict.killed[mutant.module] += 1
        elif entry := next((entry for entry in entries if entry.explains(mutant)), None):
            verdict.explained.append((mutant, entry.reason))
            used.add((mutant.function, mutant.added))
        elif is_wording(mutant):
            verdict.explained.append((mutant, "the wording of a sentence for people, programs read its code"))
        else:
            verdict.unexplained.append(mutant)
    verdict.unused = [
        f"{entry.function}: {change}"
        for entry in entries
        for change in entry.changes
        if (entry.function, change) not in used and any(entry.function.startswith(f"{m}.") for m in verdict.totals)
    ]
    return verdict


def is_wording(mutant: Mutant) -> bool:
    """Return True if only sentences differ, meaning literals with a space."""
    if LITERAL.sub('""', mutant.removed) != LITERAL.sub('""', mutant.added):
        return False
    pairs = zip(LITERAL.findall(mutant.removed), LITERAL.findall(mutant.added), strict=True)
    different = [before for before, after in pairs if before != after]
    return bool(different) and all(" " in before for before in different)


def read_entries(path: Path = SURVIVORS) -> list[Entry]:
    found = tomllib.loads(path.read_text())
    return [Entry(one["function"], one["changes"], one["reason"]) for one in found.get("survivor", [])]


def lines(verdict: Verdict) -> Iterator[str]:
    """Yield the lines of the report."""
    yield f"{'module':<28}{'mutants':>9}{'killed':>9}{'score':>9}"
    for module in sorted(verdict.totals):
        yield _row(module, verdict.totals[module], verdict.killed[module])
    yield _row("all", verdict.totals.total(), verdict.killed.total())
    yield f"survived: {len(verdict.explained)} explained, {len(verdict.unexplained)} unexplained"
    for mutant in verdict.unexplained:
        yield f"\n{mutant.name} ({mutant.status})\n  - {mutant.removed}\n  + {mutant.added}"
    for change in verdict.unused:
        yield f"survivors.toml has a reason for a change that did not survive: {change}"


def _row(name: str, mutants: int, killed: int) -> str:
    return f"{name:<28}{mutants:>9}{killed:>9}{killed / mutants if mutants else 0:>9.1%}"
