"""The `demo` command: start a stack, publish the demo's posts, check them, and stop within a minute."""

import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from app.local import ports
from app.local.client import Client
from app.local.demo.cases import Case, Kind, arrange
from app.local.demo.checks import ON_TIME_MS, median_on_time_ms, violations
from app.local.demo.table import table
from app.local.demo_account import ensure_account
from app.local.errors import StackError, StopRequested
from app.local.stack import Stack, StackOptions
from app.local.stop_signal import StopSignal

USER = "demo-user"
WITH_QSTASH = "n8n and QStash stand-ins, migrations, app, cron"
POLLING = "n8n stand-in, migrations, app, flask sweep --every, without QStash"
CRON_SECONDS = 2.0
GRACE_SECONDS = 1.0
FINAL_WITHIN_SECONDS = 30.0  # after the last promised instant
# The worst case of a lost alarm: the sweep's grace, one whole period, and 2 s for a busy machine.
SWEEP_LIMIT_MS = (GRACE_SECONDS + CRON_SECONDS + 2.0) * 1000

# In poll mode a post that is scheduled just after a poll waits one whole period for the next poll.
POLL_LIMIT_MS = CRON_SECONDS * 1000 + ON_TIME_MS

# Seconds instead of minutes. Nothing else differs from a production installation.
SHORT_TIMES = {
    "RETRY_BASE_SECONDS": "2",
    "SWEEP_GRACE_SECONDS": str(GRACE_SECONDS),
    "SWEEP_BUDGET_SECONDS": "1.5",
    "N8N_TIMEOUT_SECONDS": "5",
    "PUBLISH_LEASE_SECONDS": "20",
}


def demo(stop: StopSignal, *, poll_mode: bool = False) -> int:
    """Run the demo and return the exit code: 0 if every check passed, else 1.

    The state folder is kept after a failure only, for its logs.
    Raises: StackError when the stack fails, StopRequested on a stop signal.
    """
    state = Path(tempfile.mkdtemp(prefix="punctual-demo-"))
    stack = Stack(_options(state, poll_mode), stop, show=lambda line: None)  # the demo prints its own progress
    try:
        code = _conclude(_run_and_stop(stack, stop), stack)
    except StackError as error:
        raise StackError(f"{error}\nAll logs are in {stack.logs}") from None
    except StopRequested:
        shutil.rmtree(state, ignore_errors=True)
        raise
    if code == 0:
        shutil.rmtree(state, ignore_errors=True)
    return code


def _run_and_stop(stack: Stack, stop: StopSignal) -> list[Case]:
    try:
        return _run(stack, stop)
    finally:
        stack.stop()


def _options(state: Path, poll_mode: bool) -> StackOptions:
    return StackOptions(
        state=state,
        ports=ports.free(),
        cron_every=CRON_SECONDS,
        poll_mode=poll_mode,
        alone=True,
        overrides=SHORT_TIMES,
    )


def _run(stack: Stack, stop: StopSignal) -> list[Case]:
    began = time.monotonic()
    _say(f"Starting the stack: {POLLING if stack.options.poll_mode else WITH_QSTASH} …")
    stack.start()
    api = Client(stack.url, stack.flask("token", USER))
    qstash = None if stack.options.poll_mode else Client(stack.options.ports.url("qstash"))
    n8n = Client(stack.options.ports.url("n8n"))
    try:
        account = ensure_account(api)
        _say(f"Up after {time.monotonic() - began:.1f} s. Scheduling …")
        cases = arrange(api, qstash, account)
        _say(f"{len(cases)} posts scheduled, one of them unscheduled again. Waiting for the others:")
        _wait_for_end(stack, stop, api, cases)
        for case in cases:
            _fill_in(case, api, n8n)
        _check_no_other_sends(cases, n8n)
        return cases
    finally:
        for client in (api, qstash, n8n):
            if client is not None:
                client.close()


def _wait_for_end(stack: Stack, stop: StopSignal, api: Client, cases: list[Case]) -> None:
    """Wait until every post is final.

    For the unscheduled post, wait until a sweep would have sent it by mistake. Gives up 30 s after the last instant.
    """
    open_cases = list(cases)
    end = max(case.due for case in cases).timestamp() + FINAL_WITHIN_SECONDS
    while open_cases and time.time() < end:
        stack.check()
        for case in list(open_cases):
            status = api.get(f"/api/posts/{case.post_id}")["status"]
            if _is_over(case, status):
                open_cases.remove(case)
                _say(f"  {datetime.now(UTC):%H:%M:%S}  {status:<10} {case.title}")
        stop.pause(0.25)


def _is_over(case: Case, status: str) -> bool:
    if case.kind is Kind.UNSCHEDULED:
        return time.time() > case.due.timestamp() + SWEEP_LIMIT_MS / 1000
    return status in ("published", "failed", "cancelled")


def _fill_in(case: Case, api: Client, n8n: Client) -> None:
    case.post = api.get(f"/api/posts/{case.post_id}")
    timeline = api.get(f"/api/posts/{case.post_id}/timeline")
    case.attempts, case.transitions = timeline["attempts"], timeline["transitions"]
    case.sends = n8n.get("/_local/ledger", postId=case.post_id)
    case.copies = n8n.get("/_local/published", postId=case.post_id)


def _check_no_other_sends(cases: list[Case], n8n: Client) -> None:
    """Check that n8n received the posts of the cases alone.

    Raises: StackError naming the others.
    """
    known = {case.post_id for case in cases}
    unknown = [entry["postId"] for entry in n8n.get("/_local/ledger") if entry["postId"] not in known]
    if unknown:
        raise StackError(f"n8n received posts that the demo did not create: {', '.join(unknown)}.")


def _conclude(cases: list[Case], stack: Stack) -> int:
    on_time_ms = POLL_LIMIT_MS if stack.options.poll_mode else ON_TIME_MS
    failed = {case.post_id: violations(case, SWEEP_LIMIT_MS, on_time_ms) for case in cases}
    _say(f"\n{table(cases, failed)}\n")
    reasons = [(case, reason) for case in cases for reason in failed[case.post_id]]
    for case, reason in reasons:
        print(f"✗ {case.title}: {reason}.", file=sys.stderr)
    late = median_on_time_ms(cases)
    figure = f"Median lateness of the posts on time: {late:.0f} ms" if late is not None else "No post was sent"
    if reasons:
        print(f"Checks failed: {len(reasons)}. {figure}. The logs are in {stack.logs}", file=sys.stderr)
        return 1
    if stack.options.poll_mode:
        figure += f", with a poll every {CRON_SECONDS:g} s"
    sent = sum(case.published for case in cases)
    _say(
        f"All checks passed: {sent} posts published, each once and none early, 1 unscheduled and never sent. {figure}."
    )
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
