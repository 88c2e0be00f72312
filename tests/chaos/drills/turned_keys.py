"""Drill: every secret with two valid values is turned by the steps of docs/operating.md, while posts go out."""

import base64
import os
import secrets
import time
from signal import SIGTERM

from app.local.client import Client
from tests.chaos.drills.scene import Scene
from tests.chaos.evidence import select
from tests.chaos.plan import Draft

TURNED = ("AUTH_JWT_SECRET", "CRON_SECRET", "N8N_CALLBACK_SECRET", "ADMIN_SECRET_KEY", "INTERNAL_API_SECRET")
WITH_INTERNAL_SECRET = {"INTERNAL_API_SECRET": secrets.token_urlsafe(32)}
KEYS = "TOKEN_ENCRYPTION_KEYS"
POSTS, SPAN_SECONDS, HEAD_START = 120, 110.0, 8.0
LATE_REPORT = " [n8n:late=4]"  # the report comes by the secret of before, to the server of after


def turn_keys(scene: Scene) -> None:
    """Turn all of them at once: both values, then the callers, then the new values alone."""
    stack = scene.stack
    drafts = [
        Draft("", f"Drill, scheduled before the turn, {n}{LATE_REPORT if n % 4 == 0 else ''}", SPAN_SECONDS * n / POSTS)
        for n in range(POSTS)
    ]
    scene.schedule(drafts, time.time() + HEAD_START)
    scene.wait_for("all schedules", scene.authors.idle)
    scene.callers.write()
    new = {name: secrets.token_urlsafe(32) for name in TURNED}
    key, former_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(), stack.settings[KEYS]
    previous = {f"{name}_PREVIOUS": stack.settings[name] for name in TURNED}
    with scene.fault():
        stack.configure({**new, **previous, KEYS: f"{key},{former_key}"})
        _replace_server(scene, "app", "second")
        scene.frontend.token = stack.token("drill")
        _turn_signing_keys(scene)
        for name in ("cron", "n8n"):
            stack.terminate(name)
            stack.start(name)
        scene.notes.append(stack.flask("rearm").splitlines()[-1])
        scene.notes.append(stack.flask("keys", "rotate-encryption").splitlines()[-1])
        scene.pause(stack.lease_seconds)  # the former callback secret is still in n8n's hands that long
        stack.configure({KEYS: key}, removed=list(previous))
        _replace_server(scene, "second", "third")
    _check_refusals(scene)


def _replace_server(scene: Scene, former: str, new: str) -> None:
    """Start a second server on the same port with the new settings, then stop the first."""
    stack = scene.stack
    stack.launch_beside("app", new)
    workers = stack.options.workers
    scene.wait_for("the new server", lambda: stack.log(new).count("Started worker") >= workers)
    os.kill(stack.pid(former), SIGTERM)
    stack.wait(former)
    scene.may_miss.append(former)


def _turn_signing_keys(scene: Scene) -> None:
    """Roll QStash's keys: it signs with the next one, which the app knows. Then set both again."""
    qstash = Client(scene.stack.ports.url("qstash"), scene.stack.settings["QSTASH_TOKEN"])
    try:
        rolled = qstash.post("/v2/keys/rotate")
    finally:
        qstash.close()
    names = {"QSTASH_CURRENT_SIGNING_KEY": rolled["current"], "QSTASH_NEXT_SIGNING_KEY": rolled["next"]}
    scene.stack.configure(names)


def _check_refusals(scene: Scene) -> None:
    """Note each call of a machine that was refused for its proof: none may be."""
    kinds = "'deliveries_refused', 'reports_refused', 'cron_refused', 'tokens_unreadable'"
    url = scene.stack.database.url
    alerts = select(url, f"SELECT kind, detail FROM alerts WHERE kind IN ({kinds})")
    scene.problems += [f"alert {kind}: {detail}" for kind, detail in alerts]
    for name in ("app", *scene.may_miss[1:], "third"):
        refused = [line for line in scene.stack.log(name).splitlines() if '"status": 401' in line]
        scene.problems += [f"{name}: {line}" for line in refused[:3]]
