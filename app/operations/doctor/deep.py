"""The doctor's deep check: a signed test message through QStash to our dispatch route.

Invariant: the message names no existing post, so its delivery changes nothing.
"""

from __future__ import annotations

import math
import uuid
from contextlib import suppress
from datetime import timedelta

from app.deps import Deps
from app.domain.ports import Alarm, MessageLog, MessageServiceError, MessageState
from app.operations.doctor.findings import Checkup, Finding

DELIVERY_SECONDS = 30.0
PAUSE = timedelta(seconds=0.5)


def check_delivery(checkup: Checkup) -> list[Finding]:
    deps, log = checkup.deps, checkup.services.message_log
    if deps.messages is None or log is None:
        return [Finding("WARN", "delivery", "not tried: poll mode has no message service")]
    alarm = Alarm(str(uuid.uuid4()), "doctor", 0, 0, math.floor(deps.clock.now().timestamp()))
    try:
        message_id = deps.messages.publish(alarm)
        state = _wait(deps, log, message_id)
        if state is None or not state.delivered:
            with suppress(MessageServiceError, ValueError):
                deps.messages.cancel(message_id)
    except MessageServiceError as error:
        return [Finding("FAIL", "delivery", f"QStash did not take or show the test message: {error.detail}")]
    return [_finding(state, deps.settings.dispatch_url)]


def _wait(deps: Deps, log: MessageLog, message_id: str) -> MessageState | None:
    """Return the state of the message once it is known, None after DELIVERY_SECONDS."""
    end = deps.clock.now() + timedelta(seconds=DELIVERY_SECONDS)
    while (state := log.state_of(message_id)) is None and deps.clock.now() < end:
        deps.clock.sleep_until(deps.clock.now() + PAUSE)
    return state


def _finding(state: MessageState | None, url: str) -> Finding:
    if state is None:
        text = f"QStash's log shows no delivery within {DELIVERY_SECONDS:g} s: look at QStash's console"
        return Finding("FAIL", "delivery", text)
    if state.delivered:
        return Finding("OK", "delivery", "a signed test message came through QStash")
    if state.status == 401:
        cure = "compare PUBLIC_BASE_URL, the signing keys and INTERNAL_API_SECRET of the running app"
    else:
        cure = "check PUBLIC_BASE_URL, and that QStash may call it"
    answered = f"answered {state.status}" if state.status else "was not reached"
    return Finding("FAIL", "delivery", f"{url} {answered} when QStash called it: {cure}")
