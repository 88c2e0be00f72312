"""One run from beginning to end: open the house, let authors and faults loose, wait for the dust to settle, judge."""

import time
from collections.abc import Callable

from app.local.client import Client
from app.local.stop_signal import StopSign
from tests.chaos.author_pool import Authors
from tests.chaos.evidence import gather, select
from tests.chaos.fault_injector import Troubles
from tests.chaos.frontend import Frontend
from tests.chaos.judge import judge
from tests.chaos.plan import Plan
from tests.chaos.report import Outcome
from tests.chaos.stack import House

SETTLE_SECONDS = 180.0  # after the last fault and the last due instant
QUIET_SECONDS = 3.0  # nothing open for so long: what was still under way has come
OPEN = "SELECT count(*) FROM posts WHERE status IN ('scheduled', 'publishing')"

Say = Callable[[str], None]


def run(plan: Plan, house: House, stop: StopSign, say: Say) -> Outcome:
    """Raises where the run itself could not be made; what it found is in the outcome."""
    house.open()
    frontend = Frontend(house.url, house.token("chaos"))
    authors = Authors(frontend)
    try:
        authors.begin()
        say(f"Writing {len(plan.drafts)} posts …")
        stories = authors.write(plan.drafts)
        origin = time.time() + plan.head_start
        say(f"Scheduling them, half of them for one instant in {plan.head_start:.0f} s; the faults begin …")
        for story, draft in zip(stories, plan.drafts, strict=True):
            authors.schedule(story, draft, origin)
        troubles = Troubles(house, authors, plan, origin, stop)
        troubles.run()
        say("The last fault is over; waiting for all to be done …")
        settled_at = _until_settled(house, authors, stop, max(time.time(), origin + plan.end) + SETTLE_SECONDS)
        cases = gather(house.n8n_data, house.database.url, authors.stories)
        problems = authors.problems + [f"{name} has died by itself" for name in house.missing()]
    finally:
        authors.end()
    findings = judge(authors.stories, cases, house.lease_seconds)
    posts = troubles.in_flight.posts
    if troubles.in_flight.exit_code != 0:
        problems.append(f"the app ended with {troubles.in_flight.exit_code} after SIGTERM")
    return Outcome(
        plan.seed, origin, settled_at, findings, authors.stories, cases, troubles.happenings, posts, problems
    )


def _until_settled(house: House, authors: Authors, stop: StopSign, deadline: float) -> float | None:
    """The instant since when no post has been open; None where the deadline came first."""
    since: float | None = None
    while time.time() < deadline:
        if authors.idle() and select(house.database.url, OPEN)[0][0] == 0:
            since = since or time.time()
            if time.time() - since > QUIET_SECONDS and not _is_alarm_due(house):
                return since
        else:
            since = None
        stop.pause(0.25)
    return None


def _is_alarm_due(house: House) -> bool:
    """Whether QStash is about to deliver something, which might make a mistake come to light."""
    qstash = Client(house.ports.url("qstash"))
    try:
        pending = qstash.get("/_local/messages")["messages"]
    finally:
        qstash.close()
    return any(message["nextDeliveryTime"] / 1000 < time.time() + 15 for message in pending)
