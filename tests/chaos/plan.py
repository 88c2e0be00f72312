"""What a run is made of, all of it from one seed: the posts, what their authors change their minds about, the faults.

Offsets are seconds from the instant that half of the posts share.
"""

import random
from dataclasses import dataclass
from enum import Enum

from tests.chaos.authored_post import Wish

#: How n8n treats some of the posts, and how often: its stand-in reads these words in the text.
TREATMENTS = (
    ("[n8n:drop act x1]", 0.03),  # publishes, and cuts the connection instead of answering
    ("[n8n:hang act x1]", 0.01),  # publishes, and never answers
    ("[n8n:never x1]", 0.02),  # publishes, and never reports
    ("[n8n:503 x1]", 0.02),
    ("[n8n:vanish x1]", 0.01),  # accepts, and does nothing
    ("[n8n:first]", 0.02),  # reports before it answers
    ("[n8n:twice]", 0.02),
)
UNSCHEDULED, CANCELLED, MOVED, BACK_ON = 0.06, 0.06, 0.10, 0.03
FIRST_FAULT = 2.0  # seconds after the first post is scheduled


class Fault(Enum):
    """Its value is how it is told."""

    APP = "app: kill -9"
    WORKER = "one worker: kill -9"
    QSTASH = "QStash: kill -9"
    DATABASE = "database: stop -m immediate"
    N8N = "n8n gone"
    TERM = "app: SIGTERM"


@dataclass(frozen=True)
class Change:
    at: float
    wish: Wish
    due: float | None = None


@dataclass(frozen=True)
class Draft:
    label: str
    text: str
    due: float
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Strike:
    """A fault, when it begins and how long it lasts."""

    at: float
    fault: Fault
    seconds: float


@dataclass(frozen=True)
class Plan:
    seed: int
    drafts: tuple[Draft, ...]
    strikes: tuple[Strike, ...]
    head_start: float  # the first post is scheduled so long before the shared instant
    end: float  # the last fault has begun, and the last post was due, by then
    spares_sweeps: bool = False  # a sweep that is killed keeps its lease for a minute, too long for a small run


def make_plan(posts: int, spread: float, seed: int) -> Plan:
    """`posts` at one instant, as many over `spread` seconds around it, and faults from the scheduling to the end."""
    chance = random.Random(seed)
    head_start = 4 + max(2 * posts * 0.03, 4)
    first, last = -spread / 4, spread * 3 / 4
    burst = [_draft(chance, seed, "burst", n, 0.0) for n in range(posts)]
    others = [_draft(chance, seed, "spread", n, chance.uniform(first, last)) for n in range(posts)]
    is_small = spread < 30
    strikes = _strikes(chance, FIRST_FAULT - head_start, last + (4 if is_small else 0), is_small)
    drafts = [*burst, *others]
    chance.shuffle(drafts)
    return Plan(seed, tuple(drafts), strikes, head_start, max(last, strikes[-1].at), spares_sweeps=is_small)


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
    """A change of mind, half of the time so close to the instant that it may come too late."""
    drawn = chance.random()
    ahead = chance.uniform(-0.3, 1.5) if chance.random() < 0.5 else chance.uniform(1, 12)
    at = due - ahead
    if drawn < UNSCHEDULED:
        return (Change(at, Wish.UNSCHEDULE),)
    if (drawn := drawn - UNSCHEDULED) < CANCELLED:
        return (Change(at, Wish.CANCEL),)
    if (drawn := drawn - CANCELLED) < MOVED:
        return (Change(at, Wish.SCHEDULE, max(due, at) + chance.uniform(0.5, 10)),)
    if drawn - MOVED < BACK_ON:
        return (Change(at, Wish.UNSCHEDULE), Change(at + 0.1, Wish.SCHEDULE, max(due, at) + chance.uniform(0.5, 5)))
    return ()


def _strikes(chance: random.Random, first: float, last: float, is_small: bool) -> tuple[Strike, ...]:
    """One after the other, each with a place of its own, so that what follows from each can be told apart; one of them
    in the middle of the burst. SIGTERM comes last: those in flight must be able to finish."""
    again = [] if is_small else [Fault.APP, Fault.QSTASH, Fault.DATABASE]
    faults = [Fault.APP, Fault.WORKER, Fault.QSTASH, Fault.DATABASE, Fault.N8N, *again]
    chance.shuffle(faults)
    faults.append(Fault.TERM)
    width = (last - first) / len(faults)
    in_burst = round(-first / width)
    strikes = []
    for place, fault in enumerate(faults):
        at = first + place * width + chance.uniform(0, width / 3)
        if place == in_burst:
            at = chance.uniform(0.1, width / 3)
        strikes.append(Strike(at, fault, _lasts(chance, fault, is_small)))
    return tuple(strikes)


def _lasts(chance: random.Random, fault: Fault, is_small: bool) -> float:
    if fault in (Fault.WORKER, Fault.TERM):
        return 0.0
    if fault is Fault.N8N:
        return chance.uniform(2, 3) if is_small else chance.uniform(6, 8)
    return chance.uniform(0.2, 1) if is_small else chance.uniform(0.5, 3)
