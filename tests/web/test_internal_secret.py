"""INTERNAL_API_SECRET is forwarded with every call of QStash, and required of every one of them."""

import base64
import json
from typing import Any

import pytest

from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import Site, refused

DISPATCH, FAILED, RECOVER = "/api/posts/dispatch", "/api/posts/dispatch-failed", "/api/posts/recover"
POST_ID = "0c5f3d5e-0000-4000-8000-000000000000"
MESSAGE = json.dumps({"postId": POST_ID, "userId": "alice", "generation": 1}).encode()
LEASE_END = json.dumps({"postId": POST_ID, "userId": "alice", "generation": 1, "kind": "lease", "attempt": 1}).encode()
LOST = json.dumps(
    {"sourceMessageId": "msg_1", "sourceBody": base64.b64encode(MESSAGE).decode(), "status": 503}
).encode()
#: Every call of QStash carries the secret: alarms, ends of leases, notices of lost ones, the sweep's schedule.
CALLS_OF_QSTASH = [(DISPATCH, MESSAGE), (DISPATCH, LEASE_END), (FAILED, LOST), (RECOVER, b"")]


@pytest.mark.parametrize("secret", ["", "wrong", SECRETS["internal_api_secret"] + "x"])
@pytest.mark.parametrize(("path", "body"), CALLS_OF_QSTASH, ids=["alarm", "lease", "lost", "schedule"])
def test_every_call_of_qstash_needs_the_internal_secret_if_set(small_site: Site, path: str, body: bytes, secret: str):
    refused(small_site.signed(path, body, {"X-Internal-Secret": secret}), 401, "unauthorized")
    assert small_site.events("delivery.refused")[0]["reason"] == "X-Internal-Secret is missing or wrong"
    assert small_site.signed(path, body).status_code == 200


@pytest.mark.parametrize(("path", "body"), CALLS_OF_QSTASH, ids=["alarm", "lease", "lost", "schedule"])
def test_no_call_of_qstash_needs_an_internal_secret_if_unset(
    sqlite_url: str, make_site: MakeSite, path: str, body: bytes
):
    site = make_site(sqlite_url, internal_api_secret=None)
    assert site.signed(path, body, {"X-Internal-Secret": ""}).status_code == 200


@pytest.mark.parametrize(("path", "body"), CALLS_OF_QSTASH, ids=["alarm", "lease", "lost", "schedule"])
def test_every_call_of_qstash_may_carry_the_former_internal_secret(
    sqlite_url: str, make_site: MakeSite, path: str, body: bytes
):
    former = {"X-Internal-Secret": SECRETS["internal_api_secret"]}
    changes: dict[str, Any] = {"internal_api_secret": "the-secret-from-now-on"}
    site = make_site(sqlite_url, internal_api_secret_previous=former["X-Internal-Secret"], **changes)
    assert site.signed(path, body, former).status_code == 200
    refused(make_site(sqlite_url, **changes).signed(path, body, former), 401, "unauthorized")


def test_user_and_cron_need_no_internal_secret(small_site: Site):
    assert small_site.cron.get(RECOVER).status_code == 200
    body = {"postId": POST_ID, "action": "retry"}
    refused(small_site.user("alice").post(RECOVER, json=body), 404, "post_not_found")
