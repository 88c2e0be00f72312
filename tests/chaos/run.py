"""One run: start the stack, run authors and faults, wait until all posts settle, judge."""

import time
from collections.abc import Callable

from app.local.client import Client
from app.local.stop_signal import StopSignal
from tests.chaos.author_pool import AuthorPool
from tests.chaos.evidence import gather, select
from tests.chaos.fault_injector import FaultInjector
from tests.chaos.frontend import Frontend
from tests.chaos.judge import judge
from tests.chaos.plan import Plan
from tests.chaos.report import Outcome
from tests.chaos.stack import ChaosStack

SETTLE_SECONDS = 180.0  # after the last fault and the last due instant
QUIET_SECONDS = 3.0  # without open posts: late messages have then arrived
OPEN = "SELECT count(*) FROM posts WHERE status IN ('scheduled', 'publishing')"

Say = Callable[[str], None]


def run(plan: Plan, stack: ChaosStack, stop: StopSignal, say: Say) -> Outcome:
    """Run the plan and return its outcome.

    Raises: StackError or NoAnswerError when the run itself failed. Errors of the app are in the outcome.
    """
    stack.open()
    frontend = Frontend(stack.url, stack.token("chaos"))
    authors = AuthorPool(frontend)
    try:
        authors.begin()
        say(f"Writing {len(plan.drafts)} posts …")
        authored_posts = authors.write(plan.drafts)
        origin = time.time() + plan.head_start
        say(f"Scheduling them, half of them for one instant in {plan.head_start:.0f} s. The faults begin …")
        for post, draft in zip(authored_posts, plan.drafts, strict=True):
            authors.schedule(post, draft, origin)
        injector = FaultInjector(stack, authors, plan, origin, stop)
        injector.run()
        say("The last fault is over. Waiting until all posts are done …")
        settled_at = until_settled(stack, authors, stop, max(time.time(), origin + plan.end) + SETTLE_SECONDS)
        cases = gather(stack.n8n_data, stack.database.url, authors.authored_posts)
        problems = authors.problems + [f"{name} exited unexpectedly" for name in stack.missing()]
        problems += frontend.answers.faults
    finally:
        authors.end()
    findings = judge(authors.authored_posts, cases, stack.lease_seconds)
    posts = injector.in_flight.posts
    if injector.in_flight.exit_code != 0:
        problems.append(f"the app ended with {injector.in_flight.exit_code} after SIGTERM")
    return Outcome(
        plan.seed, origin, settled_at, findings, authors.authored_posts, cases, injector.fault_records, posts, problems
    )


def until_settled(stack: ChaosStack, authors: AuthorPool, stop: StopSignal, deadline: float) -> float | None:
    """Wait until no post is open and return the instant of the last change. None means the deadline passed."""
    since: float | None = None
    while time.time() < deadline:
        if authors.idle() and select(stack.database.url, OPEN)[0][0] == 0:
            since = since or time.time()
            if time.time() - since > QUIET_SECONDS and not _is_alarm_due(stack):
                return since
        else:
            since = None
        stop.pause(0.25)
    return None


def _is_alarm_due(stack: ChaosStack) -> bool:
    """Return True if QStash will deliver a message within 15 s: it could still reveal an error."""
    qstash = Client(stack.ports.url("qstash"))
    try:
        pending = qstash.get("/_local/messages")["messages"]
    finally:
        qstash.close()
    return any(message["nextDeliveryTime"] / 1000 < time.time() + 15 for message in pending)
