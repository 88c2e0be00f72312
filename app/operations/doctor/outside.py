"""The doctor's checks of the outside: QStash, its schedule, n8n, and our own public address.

Invariant: no call here changes anything outside.
"""

from __future__ import annotations

import hmac
import secrets

from app.domain.ports import SWEEP_SCHEDULE_ID, MessageServiceError
from app.operations.doctor.findings import Checkup, Finding
from app.settings.proof import proof_of


def check_messages(checkup: Checkup) -> list[Finding]:
    deps = checkup.deps
    if deps.messages is None:
        s = deps.settings
        keys = s.qstash_current_signing_key or s.qstash_next_signing_key
        why = "signing keys are set, but QSTASH_TOKEN is not. Set it, or remove the keys" if keys else "no QSTASH_TOKEN"
        text = f"poll mode ({why}): posts go out only as often as the cron or flask sweep --every runs"
        return [Finding("WARN", "qstash", text)]
    problem = deps.messages.check()
    if problem:
        return [Finding("FAIL", "qstash", problem)]
    return [Finding("OK", "qstash", "answers, takes our token and has our signing keys")]


def check_schedule(checkup: Checkup) -> list[Finding]:
    """Compare the address of the sweep's schedule in QStash with ours. An installation may have none."""
    schedules, settings = checkup.services.schedules, checkup.deps.settings
    if schedules is None:
        return []
    try:
        found = schedules.read(SWEEP_SCHEDULE_ID)
    except MessageServiceError:
        return []  # the line about QStash says why
    if found is None:
        return []
    if found.destination != settings.recover_url:
        text = f"QStash's schedule {SWEEP_SCHEDULE_ID} calls {found.destination}, not this app"
        return [Finding("FAIL", "schedule", f"{text}: flask --app wsgi cron install --replace")]
    if found.paused:
        text = f"QStash's schedule {SWEEP_SCHEDULE_ID} is paused: flask --app wsgi cron install"
        return [Finding("FAIL", "schedule", text)]
    if not found.secrets_match:
        text = f"QStash's schedule {SWEEP_SCHEDULE_ID} carries former secrets, or none, and is refused"
        return [Finding("FAIL", "schedule", f"{text}: flask --app wsgi cron install")]
    return [Finding("OK", "schedule", f"QStash runs the sweep at {found.cron}")]


def check_publisher(checkup: Checkup) -> list[Finding]:
    publishers = checkup.deps.publishers
    if not publishers:
        text = "no post can be sent: set N8N_WEBHOOK_URL to the workflow's production webhook"
        return [Finding("FAIL", "n8n", text)]
    found = []
    for name, publisher in zip(checkup.deps.settings.n8n_names, publishers, strict=True):
        problem, who = publisher.check(), "can be reached" if len(publishers) == 1 else f"{name} can be reached"
        found.append(Finding("FAIL", "n8n", problem) if problem else Finding("OK", "n8n", who))
    return found


def check_public_address(checkup: Checkup) -> list[Finding]:
    """Ask PUBLIC_BASE_URL for the proof of a nonce, which only this installation can give."""
    probe, settings = checkup.services.own_address, checkup.deps.settings
    if probe is None:
        return []  # the settings' check has a line about it
    nonce, url = secrets.token_hex(16), settings.public_base_url
    wanted = proof_of(settings, nonce)
    if wanted is None:
        return [
            Finding("WARN", "address", f"{url} cannot be compared with this app without any secret: set CRON_SECRET")
        ]
    answer = probe.ask(nonce)
    if answer.status is None:
        text = f"{url} does not answer ({answer.error}): start the app, or correct PUBLIC_BASE_URL"
    elif 300 <= answer.status < 400:
        text = f"{url} redirects to {answer.location}, and QStash does not follow: give PUBLIC_BASE_URL that host"
    elif answer.status in (401, 403) and answer.proof is None:
        text = (
            f"{url} answers {answer.status}: open it for QStash and n8n, on Vercel by VERCEL_AUTOMATION_BYPASS_SECRET"
        )
    elif answer.proof is None:
        text = (
            f"{url} answers {answer.status}, but not as this app: correct PUBLIC_BASE_URL, or deploy this version there"
        )
    elif not hmac.compare_digest(answer.proof.encode(), wanted.encode()):
        text = f"{url} is another installation, or has other secrets: correct PUBLIC_BASE_URL, or restart the app there"
    else:
        return [Finding("OK", "address", f"{url} is this installation")]
    return [Finding("FAIL", "address", text)]
