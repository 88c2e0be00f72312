"""The values of the doctor: one line of its answer, and the things that a check may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from app.deps import Deps, Services

Mark = Literal["OK", "WARN", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's answer: the level, the subject, and the state with its cure."""

    mark: Mark
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Checkup:
    """The needs of the checks. `environ` is read for names alone."""

    services: Services
    environ: Mapping[str, str]

    @property
    def deps(self) -> Deps:
        return self.services.deps


#: A check returns its findings in reading order. An unexpected exception becomes a finding.
Check = Callable[[Checkup], list[Finding]]
