"""The n8n stand-in accepts, publishes, reports and records as the real workflow does."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from tests.local.n8n_calls import SECRET, ledger, post, published, report_answered, reports, send
from tests.local.support import DEADLINE_SECONDS, Program, Receiver, running, spawn, wait_for


def test_an_accepted_post_is_published_and_reported_with_the_secret(n8n: Program, receiver: Receiver) -> None:
    body = post(receiver)
    answer = send(n8n, body)
    assert (answer.status_code, answer.json()) == (200, {"message": "Workflow was started"})
    [report] = reports(receiver, body)
    assert report == {
        "postId": body["postId"],
        "status": "published",
        "linkedinPostUrn": report["linkedinPostUrn"],
        "attempt": 1,
    }
    assert re.fullmatch(r"urn:li:share:\d{19}", report["linkedinPostUrn"])
    assert receiver.calls[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert receiver.calls[0].path == "/api/webhooks/publish-status"


TOKEN_QUERY = "token=0c5f3d5e-0000-4000-8000-000000000000.1.1794215280." + "0a" * 32


@pytest.mark.parametrize("secret", ["", SECRET])
def test_a_report_and_a_claim_go_to_the_given_addresses_unchanged(receiver: Receiver, secret: str) -> None:
    with running("app.local.n8n", "--port", "0", "--claim", "--callback-delay", "0", N8N_CALLBACK_SECRET=secret) as n8n:
        body = post(receiver)
        body |= {name: f"{body[name]}?{TOKEN_QUERY}" for name in ("callbackUrl", "claimUrl")}
        send(n8n, body)
        reports(receiver, body)
    calls = [call for call in receiver.calls if body["postId"] in str(call.body)]
    paths = [f"/api/webhooks/{name}?{TOKEN_QUERY}" for name in ("claim", "publish-status")]
    assert [call.path for call in calls] == paths
    assert {call.headers.get("Authorization") for call in calls} == {f"Bearer {secret}" if secret else None}


def test_an_old_workflow_reports_to_its_fixed_address(receiver: Receiver) -> None:
    fixed = f"{receiver.url}/api/webhooks/publish-status?fixed=1"
    options = ("--port", "0", "--fixed-callback", "--callback-url", fixed, "--callback-delay", "0")
    with running("app.local.n8n", *options, N8N_CALLBACK_SECRET=SECRET) as n8n:
        body = post(receiver, callbackUrl=f"{receiver.url}/elsewhere?{TOKEN_QUERY}")
        send(n8n, body)
        reports(receiver, body)
    [call] = [call for call in receiver.calls if body["postId"] in str(call.body)]
    assert call.path == "/api/webhooks/publish-status?fixed=1"
    assert call.headers["Authorization"] == f"Bearer {SECRET}"


def test_the_ledger_shows_times_and_bodies_without_secrets(n8n: Program, receiver: Receiver) -> None:
    body, before = post(receiver), time.time() * 1000
    send(n8n, body, headers={"Authorization": "Bearer of-punctual"})
    reports(receiver, body)
    [entry] = ledger(n8n, body["postId"])
    assert before <= entry["receivedAtMs"] <= time.time() * 1000
    assert entry["receivedAtNs"] // 10**6 == int(entry["receivedAtMs"])
    assert entry["receivedAt"] <= entry["publishedAt"]
    assert (entry["attempt"], entry["action"]) == (1, "accept")
    assert entry["body"]["content"] == body["content"]
    assert entry["body"]["accessToken"] == "***"
    assert entry["headers"]["Authorization"] == "***"
    assert "token-of-the-author" not in json.dumps(entry)
    assert [copy["urn"] for copy in published(n8n, body["postId"])] == [entry["urn"]]


def test_a_duplicate_by_the_same_author_is_refused_and_names_the_original(n8n: Program, receiver: Receiver) -> None:
    body = post(receiver)
    send(n8n, body)
    [first] = reports(receiver, body)
    send(n8n, {**body, "attempt": 2})
    second = reports(receiver, body, 2)[1]
    assert second["status"] == "failed"
    assert (second["errorCode"], second["httpStatus"], second["retryable"]) == ("DUPLICATE_POST", 422, False)
    assert first["linkedinPostUrn"] in second["errorMessage"]
    assert second["attempt"] == 2
    assert len(published(n8n, body["postId"])) == 1


def test_another_author_may_publish_the_same_text(n8n: Program, receiver: Receiver) -> None:
    one = post(receiver)
    two = post(receiver, one["content"])
    for body in (one, two):
        send(n8n, body)
        assert reports(receiver, body)[0]["status"] == "published"


def test_instagram_accepts_a_duplicate(n8n: Program, receiver: Receiver) -> None:
    body = post(receiver, platform="instagram")
    send(n8n, body)
    send(n8n, body)
    got = reports(receiver, body, 2)
    assert len({report["externalPostId"] for report in got}) == 2


def test_a_body_without_the_new_fields_is_reported_without_them() -> None:
    """An old Punctual sends no attempt and no callback URL. The workflow uses its own URL."""
    server = Receiver()
    try:
        with running("app.local.n8n", "--port", "0", "--callback-url", f"{server.url}/elsewhere") as n8n:
            send(n8n, {"postId": "old", "accessToken": "t", "personUrn": "p", "content": "x", "imageUrl": None})
            [report] = wait_for("a report", lambda: server.of("old"))
    finally:
        server.close()
    assert "attempt" not in report
    assert server.calls[0].path == "/elsewhere"


def test_a_report_is_retried_while_punctual_is_down(n8n: Program, receiver: Receiver) -> None:
    body = post(receiver)
    receiver.statuses.append(503)
    send(n8n, body)
    assert len(reports(receiver, body, 2)) == 2
    wait_for("the ledger", lambda: report_answered(n8n, body))
    assert ledger(n8n, body["postId"])[0]["reports"][0]["answer"] == 200


def test_a_refused_claim_publishes_nothing(receiver: Receiver) -> None:
    with running("app.local.n8n", "--port", "0", "--claim", N8N_CALLBACK_SECRET=SECRET) as n8n:
        granted, refused = post(receiver), post(receiver)
        send(n8n, granted)
        assert sorted(reports(receiver, granted, 2)[0]) == ["attempt", "postId"]
        receiver.statuses.append(409)
        send(n8n, refused)
        reports(receiver, refused)
        assert len(published(n8n, granted["postId"])) == 1
        assert not published(n8n, refused["postId"])


def test_a_caller_without_the_auth_header_is_refused(receiver: Receiver) -> None:
    with running("app.local.n8n", "--port", "0", "--auth-header", "X-Key: sesame") as n8n:
        body = post(receiver)
        assert send(n8n, body).status_code == 403
        assert send(n8n, body, headers={"X-Key": "sesame"}).status_code == 200
        assert [entry["headers"].get("X-Key") for entry in ledger(n8n, body["postId"])] == [None, "***"]


def test_ledger_and_published_posts_survive_a_restart_even_with_a_torn_last_line(
    tmp_path: Path, receiver: Receiver
) -> None:
    body = post(receiver)
    with running("app.local.n8n", "--port", "0", "--data", str(tmp_path)) as n8n:
        send(n8n, body)
        wait_for("the report", lambda: report_answered(n8n, body))
        before = ledger(n8n, body["postId"])
    with (tmp_path / "ledger.jsonl").open("a") as file:
        file.write('{"id": 2, "postId": "to')
    with running("app.local.n8n", "--port", "0", "--data", str(tmp_path)) as n8n:
        assert ledger(n8n, body["postId"]) == before
        send(n8n, {**body, "attempt": 2})
        assert reports(receiver, body, 2)[1]["errorCode"] == "DUPLICATE_POST"
    with running("app.local.n8n", "--port", "0", "--data", str(tmp_path)) as n8n:
        assert [entry["attempt"] for entry in ledger(n8n, body["postId"])] == [1, 2]
        assert requests.delete(f"{n8n.url}/_local/ledger", timeout=10).status_code == 204
        assert not ledger(n8n, body["postId"])


def test_a_pending_report_is_sent_before_the_process_ends(receiver: Receiver) -> None:
    body = post(receiver)
    with running("app.local.n8n", "--port", "0", "--callback-delay", "300") as n8n:
        send(n8n, body)
        assert n8n.stop() == 0
    assert len(receiver.of(body["postId"])) == 1


def test_a_hanging_client_does_not_delay_the_stop(receiver: Receiver) -> None:
    body = post(receiver, "[n8n:hang]")
    with running("app.local.n8n", "--port", "0") as n8n, ThreadPoolExecutor(1) as pool:
        call = pool.submit(send, n8n, body, timeout=10 * DEADLINE_SECONDS)
        wait_for("the request", lambda: ledger(n8n, body["postId"]))
        started = time.monotonic()
        assert n8n.stop() == 0
        assert time.monotonic() - started < DEADLINE_SECONDS / 2  # the client would wait twenty times as long
        with pytest.raises(requests.ConnectionError):
            call.result()


def test_a_busy_port_is_reported_in_one_line(n8n: Program) -> None:
    port = n8n.url.rpartition(":")[2]
    process = spawn("app.local.n8n", "--port", port)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, out) == (1, "")
    assert (
        err == f"n8n stand-in: cannot listen on 127.0.0.1:{port}: Address already in use. Choose another port: --port\n"
    )


def test_each_post_of_a_burst_is_accepted_and_published_once(n8n: Program, receiver: Receiver) -> None:
    """Two hundred posts by twenty concurrent callers."""
    marker = str(uuid4())
    bodies = [post(receiver, f"{marker} {number} [n8n:never]") for number in range(200)]
    with ThreadPoolExecutor(20) as pool:
        assert {answer.status_code for answer in pool.map(lambda body: send(n8n, body), bodies)} == {200}
    everything = requests.get(f"{n8n.url}/_local/published", timeout=10).json()
    assert len({copy["urn"] for copy in everything if copy["text"].startswith(marker)}) == 200
