"""Runs the attacks one after the other, with a round alone before each, while other users' posts fall due.

All posts are scheduled before the first round, so that a slow answer to an author is not measured as lateness.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.local.errors import StackError
from app.local.stop_signal import StopSignal
from tests.attack.attacks import ATTACKS
from tests.attack.attacks.attack import Attack
from tests.attack.judge import Lateness, Verdict, judge, lateness_of, median_of
from tests.attack.stack import AttackStack
from tests.attack.target import Target, Window
from tests.attack.users import User
from tests.bench.calls import make_calls
from tests.bench.disk_watch import DiskWatch, Stall, longest_seconds
from tests.bench.ledger import Post

WRITERS = 16
HEAD_SECONDS = 8.0  # from the end of all scheduling to the first round, at least
MARGIN = 1.5  # of the time that all scheduling takes, by the speed of a few posts
MAX_SCHEDULING_SECONDS = 60.0
WARM_SECONDS = 10.0  # from scheduling these few to their instant
BEFORE_SECONDS, AFTER_SECONDS = 0.05, 0.1  # an attack begins before the first post beside it and ends after the last
OVERTIME_SECONDS = 1.0  # after which an attack is left alone. Its sockets close with this process
LATE_SECONDS = 10.0  # after the last round, for missing posts
SETTLE_SECONDS = 0.5  # for second copies to arrive
OFFSET_SECONDS = 0.037
ATTACKERS_NICENESS = 10


@dataclass(frozen=True)
class Sizes:
    """The size of a run. `rest` is from the end of an attack to the next round: the lead, and a moment to settle."""

    beside: int = 100  # other users' posts beside each attack
    alone: int = 30  # and before it
    every: float = 0.05  # seconds from post to post
    rest: float = 3.25
    users: int = 100  # whose posts they are


@dataclass(frozen=True)
class Round:
    """One attack, with the due instants of the posts before and beside it."""

    attack: Attack
    target: Target
    alone: Sequence[float]
    beside: Sequence[float]

    @property
    def window(self) -> Window:
        return Window(self.beside[0] - BEFORE_SECONDS, self.beside[-1] + AFTER_SECONDS)


@dataclass(frozen=True)
class Findings:
    verdicts: Sequence[Verdict]
    alone: Sequence[Lateness]  # by round
    disk_ms: Sequence[float]  # by round: the disk's longest stall beside the attack


def run(
    stack: AttackStack, names: Sequence[str], sizes: Sizes, stop: StopSignal, say: Callable[[str], None]
) -> Findings:
    pairs = [(ATTACKS[name](), Target(stack.url, stack.settings, f"attacker-{name}")) for name in names]
    users = [User(stack.url, stack.settings["AUTH_JWT_SECRET"], number) for number in range(sizes.users)]
    for attack, target in pairs:
        attack.prepare(target)
        target.tally.clear()
        stop.check()
    count = len(names) * (sizes.alone + sizes.beside)
    written, _ = make_calls(lambda user: user.write(2 + -(-count // sizes.users)), users, WRITERS)
    for _ in range(2):  # the first time warms the app up
        seconds = _schedule(users, [[Post(keys.pop(), round(time.time() + WARM_SECONDS, 3))] for keys in written])
    calls = count + sum(attack.posts for attack, _ in pairs)
    ahead = HEAD_SECONDS + min(seconds / sizes.users * calls * MARGIN, MAX_SCHEDULING_SECONDS)
    say(f"The drafts are written. The first round begins in {ahead:.0f} s.")
    start = time.time() + ahead
    rounds = make_rounds(pairs, sizes, start)
    dealt = deal(written, [due for one in rounds for due in (*one.alone, *one.beside)])
    _schedule(users, dealt)
    for one in rounds:
        one.attack.aim(one.target, one.window)
    if time.time() > start - float(stack.settings["DISPATCH_LEAD_SECONDS"]):
        raise StackError("The posts could not be scheduled in time. Run it again on a quieter machine.")
    watch = DiskWatch(stack.logs)
    try:
        for one in rounds:
            _attack_in_time(one, stop, say)
        posts = [post for of_user in dealt for post in of_user]
        return findings(rounds, posts, _arrivals(stack, {post.key for post in posts}, stop), watch.stalls())
    finally:
        watch.close()


def _schedule(users: Sequence[User], posts: Sequence[Sequence[Post]]) -> float:
    """Schedule each user's posts and return the seconds."""
    return make_calls(lambda index: users[index].schedule(posts[index]), range(len(users)), WRITERS)[1]


def _arrivals(stack: AttackStack, keys: set[str], stop: StopSignal) -> dict[str, list[float]]:
    """Return the arrivals of these posts, once all have arrived or LATE_SECONDS are over."""
    end = time.time() + LATE_SECONDS
    while len(stack.ledger.arrivals(keys)) < len(keys) and time.time() < end:
        stop.pause(1.0)
    stop.pause(SETTLE_SECONDS)
    return stack.ledger.arrivals(keys)


def make_rounds(pairs: Sequence[tuple[Attack, Target]], sizes: Sizes, start: float) -> list[Round]:
    """Lay the rounds one after the other, from `start` on."""
    rounds, at = [], start + OFFSET_SECONDS
    for attack, target in pairs:
        instants = [round(at + index * sizes.every, 3) for index in range(sizes.alone + sizes.beside)]
        rounds.append(Round(attack, target, instants[: sizes.alone], instants[sizes.alone :]))
        at = instants[-1] + sizes.rest
    return rounds


def deal(written: Sequence[Sequence[str]], instants: Sequence[float]) -> list[list[Post]]:
    """Give each instant to the next user's next draft. Returns each user's posts."""
    dealt: list[list[Post]] = [[] for _ in written]
    for number, due in enumerate(instants):
        turn, user = divmod(number, len(written))
        dealt[user].append(Post(written[user][turn], due))
    return dealt


def findings(
    rounds: Sequence[Round], posts: Sequence[Post], arrivals: dict[str, list[float]], stalls: Sequence[Stall]
) -> Findings:
    by_due = {post.due: post for post in posts}
    alone = [lateness_of([by_due[due] for due in one.alone], arrivals) for one in rounds]
    middle = median_of(alone)
    verdicts = []
    for one in rounds:
        beside = lateness_of([by_due[due] for due in one.beside], arrivals)
        verdicts.append(judge(one.attack.name, one.attack.kind, middle, beside, one.target.tally.counts()))
    disk_ms = [longest_seconds(stalls, one.window.start, one.window.end) * 1000 for one in rounds]
    return Findings(verdicts, alone, disk_ms)


def _be_elsewhere() -> None:
    """Leave the processors to the app: real attackers have their own. The thread's own threads do so too (Linux)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), ATTACKERS_NICENESS)


def _attack_in_time(one: Round, stop: StopSignal, say: Callable[[str], None]) -> None:
    """Attack in another thread until the window ends.

    Raises: StackError when the attack itself fails.
    """
    stop.pause(max(0.0, one.window.start - time.time()))
    say(f"  {one.attack.name}")
    errors: list[Exception] = []

    def attack() -> None:
        _be_elsewhere()
        try:
            one.attack.run(one.target, one.window)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=attack, daemon=True)
    thread.start()
    while thread.is_alive() and time.time() < one.window.end + OVERTIME_SECONDS:
        stop.pause(0.1)
    if errors:
        raise StackError(f"The attack failed, not the app. {one.attack.name}: {errors[0]!r}")
