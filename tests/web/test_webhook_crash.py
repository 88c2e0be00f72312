"""An event survives kill -9 between its commit and its delivery, and poll mode delivers without a message service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.adapters.servers import Seen, http_server
from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.hooks import Receiver, deliver_all, endpoint, receiver, true_time
from tests.web.site import HOUR, MINUTE, MessageServer, json_of

CHILD = """
import sys
from tests.web.hooks import true_time
from tests.web.site import HOUR, SetClock, build, settings_for
site = build(settings_for(sys.argv[1], sys.argv[2], "http://127.0.0.1:9"), SetClock(), [])
ada = site.user("ada", at=true_time(site))
ada.account()
post = ada.draft()
ada.schedule(post["id"], site.clock.at + HOUR)
"""


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def test_event_of_a_process_killed_before_the_publication_is_delivered_by_the_sweep(
    database_url: str, make_site: MakeSite, qstash: MessageServer, hook: Receiver
):
    site = make_site(database_url)
    true_time(site)
    made = endpoint(site.user("ada"), hook.url)
    begun, end = threading.Event(), threading.Event()

    def hang(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if seen.path == "/v2/batch":
            begun.set()
            end.wait(60)
            return 500, {}, b"{}"
        return 200, {"Content-Type": "application/json"}, b'{"messageId": "msg_of_child"}'

    with http_server(hang) as hanging:
        child = subprocess.Popen([sys.executable, "-c", CHILD, database_url, hanging.url])
        try:
            assert begun.wait(90)
            os.kill(child.pid, signal.SIGKILL)
            assert child.wait(30) == -signal.SIGKILL
        finally:
            child.kill()
            end.set()
    assert hook.server.seen == []
    true_time(site)
    json_of(site.cron.get("/api/posts/recover"))
    assert deliver_all(site, qstash) == [200]
    (event,) = hook.verified(made["secret"])
    assert event["type"] == "post.scheduled"


def test_poll_mode_delivers_by_the_sweep_and_again_later_after_a_failure(
    database_url: str, make_site: MakeSite, hook: Receiver
):
    site = make_site(database_url, qstash_token=None)
    true_time(site)
    ada = site.user("ada")
    made = endpoint(ada, hook.url)
    ada.scheduled(site.clock.at + HOUR)
    hook.status = 503
    for _ in range(2):  # the second sweep comes too early for another try
        json_of(site.cron.get("/api/posts/recover"))
    assert len(hook.server.seen) == 1
    hook.status = 200
    site.clock.at += MINUTE
    json_of(site.cron.get("/api/posts/recover"))
    assert len(hook.verified(made["secret"])) == 2
    (log,) = json_of(ada.get(f"/api/webhook-endpoints/{made['id']}/deliveries"))["data"]
    assert (log["status"], log["attempts"], log["lastStatus"]) == ("delivered", 2, 200)
    assert SECRETS["qstash_token"] not in str(log)
