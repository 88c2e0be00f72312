"""The sender of events: signed, to public addresses alone, bounded, and never raising."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
from collections.abc import Sequence

import pytest
from standardwebhooks import Webhook

from app.adapters.event_sender import MAX_LOOKUPS, HttpEventSender, signed_headers
from app.domain.webhooks import EventReply
from tests.adapters.media_fixtures import resolver
from tests.adapters.servers import http_server, says

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = '{"type":"post.failed"}'
VERIFY = """
import json, sys
from standardwebhooks import Webhook
given = json.load(sys.stdin)
print(json.dumps(Webhook(given["secret"]).verify(given["body"], given["headers"])))
"""


def send(url: str, *, loopback: bool = True, seconds: float = 5.0, **known: str | Sequence[str]) -> EventReply:
    sender = HttpEventSender(allow_loopback=loopback, resolve=resolver(**known), seconds=seconds)
    return sender.send(url, [SECRET], "id-1", dt.datetime.now(dt.UTC), BODY)


def test_signature_is_verified_by_the_library_in_another_process():
    with http_server() as server:
        assert send(f"{server.url}/hook").is_delivered
        (seen,) = server.seen
    given = {"secret": SECRET, "body": seen.body.decode(), "headers": seen.headers}
    done = subprocess.run(
        [sys.executable, "-c", VERIFY], input=json.dumps(given), capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) == {"type": "post.failed"}


def test_time_of_another_zone_is_signed_as_utc():
    at = dt.datetime.now(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    headers = signed_headers([SECRET, OTHER], "id-1", at, BODY)
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(BODY, headers) == {"type": "post.failed"}


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.test/",
        "ftp://hooks.test/",
        "file:///etc/passwd",
        "https://user:secret@hooks.test/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fe80::1]/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://2130706433/",
        "https://metadata.google.internal/",
        "https://0/",
    ],
)
def test_address_that_is_not_public_https_is_refused_at_sending(url: str):
    reply = send(url, loopback=False)
    assert (reply.status, reply.refused) == (None, True)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fd00::1", "127.0.0.1"])
def test_public_name_of_a_private_address_is_refused_at_sending(address: str):
    reply = send("https://hooks.test/", loopback=False, hooks_test=address)
    assert (reply.status, reply.refused) == (None, True)


def test_request_goes_to_the_checked_address_when_dns_changes():
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with http_server() as server:
        port = server.url.rpartition(":")[2]
        sender = HttpEventSender(allow_loopback=True, resolve=rebinding)
        reply = sender.send(f"http://hooks.localhost:{port}/", [SECRET], "id-1", dt.datetime.now(dt.UTC), BODY)
        assert reply.is_delivered
        assert asked == ["hooks.localhost"]
        assert server.seen[0].headers["host"] == f"hooks.localhost:{port}"


def test_redirect_is_not_followed():
    with http_server() as inside, http_server(says(307, {}, Location=f"{inside.url}/x")) as server:
        assert send(server.url).status == 307
        assert inside.seen == []


def test_unreachable_or_unknown_host_is_an_error_and_may_be_tried_again():
    for reply in (send("http://127.0.0.1:9/"), send("https://hooks.test/", hooks_test=())):
        assert (reply.status, reply.refused, bool(reply.error)) == (None, False, True)


def test_lookup_that_hangs_ends_in_time_and_keeps_a_bounded_number_of_threads():
    hanging, asked = threading.Event(), []

    def hang(host: str, _port: int) -> list[str]:
        asked.append(host)
        hanging.wait(60)
        return ["127.0.0.1"]

    sender = HttpEventSender(allow_loopback=True, resolve=hang, seconds=0.02)
    try:
        now = dt.datetime.now(dt.UTC)
        replies = [sender.send("https://slow.test/", [SECRET], "id-1", now, BODY) for _ in range(MAX_LOOKUPS + 1)]
    finally:
        hanging.set()
    assert {(reply.status, reply.refused) for reply in replies} == {(None, False)}
    assert "lookup" in replies[0].error
    assert len(asked) == MAX_LOOKUPS
