"""The plan of a run, made from one seed: posts, their authors' later changes, and faults.

Offsets are seconds from the instant shared by half of the posts.
"""

import random
from dataclasses import dataclass
from enum import Enum

from tests.chaos.authored_post import Action

#: Instructions to the n8n stand-in, which reads them in the post's text, and their share of all posts.
TREATMENTS = (
    ("[n8n:drop act x1]", 0.03),  # publishes, then cuts the connection instead of answering
    ("[n8n:hang act x1]", 0.01),  # publishes, never answers
    ("[n8n:never x1]", 0.02),  # publishes, never reports
    ("[n8n:503 x1]", 0.02),
    ("[n8n:vanish x1]", 0.01),  # accepts, does nothing
    ("[n8n:first]", 0.02),  # reports before it answers
    ("[n8n:twice]", 0.02),
)
UNSCHEDULED, CANCELLED, RESCHEDULED, RESUMED = 0.06, 0.06, 0.10, 0.03
FIRST_FAULT = 2.0  # seconds after the first post is scheduled


class Fault(Enum):
    """A kind of fault. The value is its name in the report."""

    APP = "app: kill -9"
    WORKER = "one worker: kill -9"
    QSTASH = "QStash: kill -9"
    DATABASE = "database: stop -m immediate"
    READ_ONLY = "database: read-only"
    LOCK = "database: a post's row locked"
    CUT = "database: connections cut"
    N8N = "n8n gone"
    TERM = "app: SIGTERM"


@dataclass(frozen=True)
class Change:
    at: float
    action: Action
    due: float | None = None


@dataclass(frozen=True)
class Draft:
    label: str
    text: str
    due: float
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class PlannedFault:
    """A fault with its start and its duration, both in seconds."""

    at: float
    fault: Fault
    seconds: float


@dataclass(frozen=True)
class Plan:
    seed: int
    drafts: tuple[Draft, ...]
    faults: tuple[PlannedFault, ...]
    head_start: float  # seconds from the first call to schedule to the shared instant
    end: float  # by then the last fault has begun and the last post is due
    waits_for_sweeps: bool = False  # no fault kills a running sweep: its lease lasts a minute, too long for a small run


def make_plan(posts: int, spread: float, seed: int) -> Plan:
    """Plan `posts` at one instant, as many over `spread` seconds around it, and the faults."""
    chance = random.Random(seed)
    head_start = 4 + max(2 * posts * 0.03, 4)
    first, last = -spread / 4, spread * 3 / 4
    burst = [_draft(chance, seed, "burst", n, 0.0) for n in range(posts)]
    others = [_draft(chance, seed, "spread", n, chance.uniform(first, last)) for n in range(posts)]
    is_small = spread < 30
    faults = _planned_faults(chance, FIRST_FAULT - head_start, last + (4 if is_small else 0), is_small)
    drafts = [*burst, *others]
    chance.shuffle(drafts)
    return Plan(seed, tuple(drafts), faults, head_start, max(last, faults[-1].at), waits_for_sweeps=is_small)


def _draft(chance: random.Random, seed: int, label: str, number: int, due: float) -> Draft:
    treatment = _treatment(chance)
    text = f"Chaos {seed}: {label} {number} {treatment}".strip()
    return Draft(label + (" " + treatment if treatment else ""), text, due, _changes(chance, due))


def _treatment(chance: random.Random) -> str:
    drawn = chance.random()
    for words, share in TREATMENTS:
        if drawn < share:
            return words
        drawn -= share
    return ""


def _changes(chance: random.Random, due: float) -> tuple[Change, ...]:
    """Draw an author's changes. Half of them come so close to the instant that they may be too late."""
    drawn = chance.random()
    ahead = chance.uniform(-0.3, 1.5) if chance.random() < 0.5 else chance.uniform(1, 12)
    at = due - ahead
    if drawn < UNSCHEDULED:
        return (Change(at, Action.UNSCHEDULE),)
    if (drawn := drawn - UNSCHEDULED) < CANCELLED:
        return (Change(at, Action.CANCEL),)
    if (drawn := drawn - CANCELLED) < RESCHEDULED:
        return (Change(at, Action.SCHEDULE, max(due, at) + chance.uniform(0.5, 10)),)
    if drawn - RESCHEDULED < RESUMED:
        return (Change(at, Action.UNSCHEDULE), Change(at + 0.1, Action.SCHEDULE, max(due, at) + chance.uniform(0.5, 5)))
    return ()


def _planned_faults(chance: random.Random, first: float, last: float, is_small: bool) -> tuple[PlannedFault, ...]:
    """Plan one fault per time slot, so the effects of each can be distinguished.

    One fault falls into the burst. SIGTERM comes last, because sends in flight must be able to finish.
    """
    again = [] if is_small else [Fault.APP, Fault.QSTASH, Fault.DATABASE]
    running = [Fault.READ_ONLY, Fault.LOCK, Fault.CUT]
    faults = [Fault.APP, Fault.WORKER, Fault.QSTASH, Fault.DATABASE, Fault.N8N, *running, *again]
    chance.shuffle(faults)
    faults.append(Fault.TERM)
    width = (last - first) / len(faults)
    in_burst = round(-first / width)
    planned = []
    for index, fault in enumerate(faults):
        at = first + index * width + chance.uniform(0, width / 3)
        if index == in_burst:
            at = chance.uniform(0.1, width / 3)
        planned.append(PlannedFault(at, fault, _duration(chance, fault, is_small)))
    return tuple(planned)


def _duration(chance: random.Random, fault: Fault, is_small: bool) -> float:
    if fault in (Fault.WORKER, Fault.TERM, Fault.CUT):
        return 0.0
    if fault in (Fault.READ_ONLY, Fault.LOCK):
        return chance.uniform(1, 2) if is_small else chance.uniform(3, 6)
    if fault is Fault.N8N:
        return chance.uniform(2, 3) if is_small else chance.uniform(6, 8)
    return chance.uniform(0.2, 1) if is_small else chance.uniform(0.5, 3)
