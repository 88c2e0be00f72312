"""One drill: what it is, how it runs, and its result."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.local.stop_signal import StopSignal
from tests.chaos.author_pool import AuthorPool
from tests.chaos.authored_post import AuthoredPost
from tests.chaos.drills.callers import Callers
from tests.chaos.drills.scene import Scene
from tests.chaos.evidence import Case, gather
from tests.chaos.frontend import Frontend
from tests.chaos.judge import Findings, judge
from tests.chaos.plan import Draft
from tests.chaos.run import SETTLE_SECONDS, until_settled
from tests.chaos.stack import ChaosStack
from tests.support.durable_postgres import Postgres

BURST, SPREAD = 120, 60
SPREAD_SECONDS = (-4.0, 16.0)
HEAD_START = 12.0  # enough to schedule all of them before the burst
RECOVERY_SECONDS = 6.0  # the callers go on, so that posts are scheduled and fall due after the fault
LEASE_SECONDS = 20.0

Verdict = Callable[[Scene, Mapping[str, Case]], Findings]


def judged_by_calls(scene: Scene, cases: Mapping[str, Case]) -> Findings:
    """Judge each post by its authors' calls."""
    return judge(scene.authors.authored_posts, cases, scene.stack.lease_seconds)


@dataclass(frozen=True)
class Drill:
    """A fault of a real installation. `act` plays it, with its end, while posts are in flight.

    `has_burst` False: the drill writes its own posts, and starts the callers that write.
    """

    name: str
    title: str
    act: Callable[[Scene], None]
    database: Callable[[Path], Postgres] = Postgres
    verdict: Verdict = judged_by_calls
    has_burst: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Result:
    """A finished drill. `settled` False: posts were still open at the deadline."""

    drill: Drill
    findings: Findings
    authored_posts: Mapping[str, AuthoredPost]
    cases: Mapping[str, Case]
    settled: bool
    fault_began: float
    fault_ended: float
    answers: str
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.findings.clean and not self.findings.untold and self.settled and not self.problems


def play(drill: Drill, state: Path, stop: StopSignal, posts: tuple[int, int] = (BURST, SPREAD)) -> Result:
    """Run one drill on a stack of its own. `posts` are those of the burst and those spread around it.

    Raises: StackError or NoAnswerError when the drill itself failed. Errors of the app are in the result.
    """
    stack = ChaosStack(state, LEASE_SECONDS, stop, drill.database)
    stack.configure(drill.settings)
    try:
        stack.open()
        return _play(drill, stack, stop, posts)
    finally:
        stack.close()


def _play(drill: Drill, stack: ChaosStack, stop: StopSignal, posts: tuple[int, int]) -> Result:
    frontend = Frontend(stack.url, stack.token("drill"))
    authors = AuthorPool(frontend)
    scene = Scene(stack, frontend, authors, Callers(frontend, authors), stop)
    try:
        authors.begin()
        scene.callers.read()
        if drill.has_burst:
            _fill(scene, *posts)
        drill.act(scene)
        scene.pause(RECOVERY_SECONDS)
        scene.callers.end()
        last_due = max((post.due or 0.0 for post in authors.authored_posts.values()), default=0.0)
        deadline = max(time.time(), last_due) + SETTLE_SECONDS
        settled_at = until_settled(stack, authors, stop, deadline)
        cases = gather(stack.n8n_data, stack.database.url, authors.authored_posts)
    finally:
        authors.end()
    return _result(drill, scene, cases, settled=settled_at is not None)


def _fill(scene: Scene, burst: int, spread: int) -> None:
    """Schedule posts for one instant and others around it, then let the callers write too."""
    first, last = SPREAD_SECONDS
    drafts = [Draft("burst", f"Drill, burst {n}", 0.0) for n in range(burst)]
    drafts += [Draft("spread", f"Drill, spread {n}", first + (last - first) * n / spread) for n in range(spread)]
    posts = scene.authors.write(drafts)
    scene.origin, scene.burst = time.time() + HEAD_START, burst
    for post, draft in zip(posts, drafts, strict=True):
        scene.authors.schedule(post, draft, scene.origin)
    scene.callers.write()


def _result(drill: Drill, scene: Scene, cases: Mapping[str, Case], *, settled: bool) -> Result:
    answers = scene.frontend.answers
    missing = [name for name in scene.stack.missing() if name not in scene.may_miss]
    problems = [*scene.problems, *scene.authors.problems, *scene.callers.problems, *answers.faults]
    problems += [f"{name} exited unexpectedly" for name in missing]
    return Result(
        drill,
        drill.verdict(scene, cases),
        scene.authors.authored_posts,
        cases,
        settled,
        scene.began,
        scene.ended,
        answers.summary(),
        problems,
        scene.notes,
    )
