"""`demo`: Punctual shown to keep its promise, on a stack of its own that is gone again within a minute."""

import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from app.local import ports
from app.local.client import Client
from app.local.demo.cases import Case, Kind, arrange
from app.local.demo.checks import ON_TIME_MS, complaints, median_on_time_ms
from app.local.demo.table import table
from app.local.demo_account import ensure_account
from app.local.errors import StackError, StopRequested
from app.local.stack import Plan, Stack
from app.local.stop_signal import StopSign

USER = "demo-user"
WITH_QSTASH = "n8n and QStash stand-ins, migrations, app, cron"
POLLING = "n8n stand-in, migrations, app, flask sweep --every; no QStash"
CRON_SECONDS = 2.0
GRACE_SECONDS = 1.0
FINAL_WITHIN_SECONDS = 30.0  # of the last promised instant
# The longest way of a lost alarm: its grace, a whole period, and some slack for a busy machine.
SWEEP_LIMIT_MS = (GRACE_SECONDS + CRON_SECONDS + 2.0) * 1000

# In poll mode a post that is scheduled right after a poll waits a whole period for the next.
POLL_LIMIT_MS = CRON_SECONDS * 1000 + ON_TIME_MS

# Minutes made seconds; nothing else differs from a production installation.
HASTE = {
    "RETRY_BASE_SECONDS": "2",
    "SWEEP_GRACE_SECONDS": str(GRACE_SECONDS),
    "SWEEP_BUDGET_SECONDS": "1.5",
    "N8N_TIMEOUT_SECONDS": "5",
    "PUBLISH_LEASE_SECONDS": "20",
}


def demo(stop: StopSign, *, polls: bool = False) -> int:
    """Runs it all; returns the exit code. The folder outlives only a demo that went wrong, for the sake of its logs."""
    state = Path(tempfile.mkdtemp(prefix="punctual-demo-"))
    stack = Stack(
        _plan(state, polls), stop, news=lambda line: None
    )  # the demo tells its own story; the logs have the rest
    try:
        code = _conclude(_play_and_stop(stack, stop), stack)
    except StackError as error:
        raise StackError(f"{error}\nAll logs are in {stack.logs}") from None
    except StopRequested:
        shutil.rmtree(state, ignore_errors=True)
        raise
    if code == 0:
        shutil.rmtree(state, ignore_errors=True)
    return code


def _play_and_stop(stack: Stack, stop: StopSign) -> list[Case]:
    try:
        return _play(stack, stop)
    finally:
        stack.stop()


def _plan(state: Path, polls: bool) -> Plan:
    return Plan(state=state, ports=ports.free(), cron_every=CRON_SECONDS, polls=polls, alone=True, overrides=HASTE)


def _play(stack: Stack, stop: StopSign) -> list[Case]:
    began = time.monotonic()
    _say(f"Starting the stack: {POLLING if stack.plan.polls else WITH_QSTASH} …")
    stack.start()
    api = Client(stack.url, stack.flask("token", USER))
    qstash = None if stack.plan.polls else Client(stack.plan.ports.url("qstash"))
    n8n = Client(stack.plan.ports.url("n8n"))
    try:
        account = ensure_account(api)
        _say(f"Up after {time.monotonic() - began:.1f} s. Scheduling …")
        cases = arrange(api, qstash, account)
        _say(f"{len(cases)} posts scheduled, one of them called off again. Watching them go out:")
        _watch(stack, stop, api, cases)
        for case in cases:
            _fill_in(case, api, n8n)
        _complain_about_strangers(cases, n8n)
        return cases
    finally:
        for client in (api, qstash, n8n):
            if client is not None:
                client.close()


def _watch(stack: Stack, stop: StopSign, api: Client, cases: list[Case]) -> None:
    """Until every post has come to its end, and the one called off has had its chance to go out wrongly."""
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
    if case.kind is Kind.CALLED_OFF:
        return time.time() > case.due.timestamp() + SWEEP_LIMIT_MS / 1000
    return status in ("published", "failed", "cancelled")


def _fill_in(case: Case, api: Client, n8n: Client) -> None:
    case.post = api.get(f"/api/posts/{case.post_id}")
    timeline = api.get(f"/api/posts/{case.post_id}/timeline")
    case.attempts, case.transitions = timeline["attempts"], timeline["transitions"]
    case.sends = n8n.get("/_local/ledger", postId=case.post_id)
    case.copies = n8n.get("/_local/published", postId=case.post_id)


def _complain_about_strangers(cases: list[Case], n8n: Client) -> None:
    """What the cases do not account for must not have been sent at all."""
    known = {case.post_id for case in cases}
    strangers = [entry["postId"] for entry in n8n.get("/_local/ledger") if entry["postId"] not in known]
    if strangers:
        raise StackError(f"Posts were sent that nobody wrote: {', '.join(strangers)}.")


def _conclude(cases: list[Case], stack: Stack) -> int:
    on_time_ms = POLL_LIMIT_MS if stack.plan.polls else ON_TIME_MS
    wrong = {case.post_id: complaints(case, SWEEP_LIMIT_MS, on_time_ms) for case in cases}
    _say(f"\n{table(cases, wrong)}\n")
    broken = [(case, reason) for case in cases for reason in wrong[case.post_id]]
    for case, reason in broken:
        print(f"✗ {case.title}: {reason}.", file=sys.stderr)
    late = median_on_time_ms(cases)
    figure = f"median lateness of the posts on time: {late:.0f} ms" if late is not None else "nothing went out"
    if broken:
        print(f"Not all is right; {figure}. The logs are in {stack.logs}", file=sys.stderr)
        return 1
    if stack.plan.polls:
        figure += f", with a poll every {CRON_SECONDS:g} s"
    sent = sum(case.published for case in cases)
    _say(f"All is right: {sent} posts published, each once and none early, 1 called off and never sent; {figure}.")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
