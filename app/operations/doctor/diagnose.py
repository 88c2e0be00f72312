"""`flask doctor`: run all checks, each bounded in time.

Invariant: the answer comes within the longest bound, nothing is raised, and no secret is in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as CheckTimeout

from app.operations.doctor.database import check_database
from app.operations.doctor.deep import DELIVERY_SECONDS, check_delivery
from app.operations.doctor.findings import Check, Checkup, Finding
from app.operations.doctor.outside import check_messages, check_public_address, check_publisher, check_schedule
from app.operations.doctor.python import check_python
from app.operations.doctor.settings import check_settings

CHECK_SECONDS = 25.0  # of all checks together, because they run at the same time
#: The checks, in the order of the answer.
CHECKS: tuple[tuple[str, Check], ...] = (
    ("settings", check_settings),
    ("python", check_python),
    ("database", check_database),
    ("qstash", check_messages),
    ("schedule", check_schedule),
    ("n8n", check_publisher),
    ("address", check_public_address),
)


def diagnose(checkup: Checkup, *, deep: bool = False) -> list[Finding]:
    """Return all findings, in reading order. With `deep`, a test message goes through QStash."""
    found = _run_all(CHECKS, checkup, CHECK_SECONDS)
    if deep:
        found += _run_all([("delivery", check_delivery)], checkup, DELIVERY_SECONDS + CHECK_SECONDS)
    return found


def _run_all(checks: Sequence[tuple[str, Check]], checkup: Checkup, seconds: float) -> list[Finding]:
    """Run the checks in threads of their own: a driver waits for a hanging server without a limit."""
    end = time.monotonic() + seconds
    running = [(about, _start(about, check, checkup)) for about, check in checks]
    return [finding for about, future in running for finding in _result(about, future, end, seconds)]


def _start(about: str, check: Check, checkup: Checkup) -> Future[list[Finding]]:
    future: Future[list[Finding]] = Future()

    def run() -> None:
        try:
            future.set_result(check(checkup))
        except Exception as error:  # the other checks must be seen, and an operator has no use for a stack trace
            text = f"this check ended with {type(error).__name__}: report it"
            future.set_result([Finding("FAIL", about, text)])

    threading.Thread(target=run, name=f"doctor {about}", daemon=True).start()
    return future


def _result(about: str, future: Future[list[Finding]], end: float, seconds: float) -> list[Finding]:
    try:
        return future.result(max(end - time.monotonic(), 0.0))
    except CheckTimeout:
        text = f"no answer within {seconds:g} s: look for a hanging server or a firewall that drops packets"
        return [Finding("FAIL", about, text)]
