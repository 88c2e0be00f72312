"""The n8n stand-in fails on request in each observed way of the real n8n."""

from uuid import uuid4

import pytest
import requests

from tests.local.n8n_calls import ledger, post, published, report_answered, reports, send
from tests.local.support import Program, Receiver, wait_for


@pytest.mark.parametrize(
    ("do", "status", "message"),
    [
        ("400", 400, "Bad request"),
        ("401", 401, "Authorization data is wrong!"),
        ("403", 403, "Authorization data is wrong!"),
        ("404", 404, 'The requested webhook "POST publish-linkedin" is not registered.'),
        ("413", 413, "request entity too large"),
        ("422", 422, "Failed to parse request body"),
        ("429 retry-after=7", 429, "Too many requests"),
        ("500", 500, "Workflow could not be started"),
        ("refuse", 503, "Database is not ready!"),
        ("524", 524, "error code: 524"),
    ],
)
def test_a_refusal_has_n8ns_own_body_and_publishes_nothing(
    n8n: Program, receiver: Receiver, do: str, status: int, message: str
) -> None:
    body = post(receiver, f"{uuid4()} [n8n:{do} x1]")
    answer = send(n8n, body)
    assert answer.status_code == status
    assert message in (answer.text if status == 524 else answer.json()["message"])
    assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert not published(n8n, body["postId"])
    assert send(n8n, body).status_code == 200  # the marker applied once
    assert len(ledger(n8n, body["postId"])) == 2


def test_markers_apply_one_after_the_other(n8n: Program, receiver: Receiver) -> None:
    body = post(receiver, f"{uuid4()} [n8n:503 x2] [n8n:429 x1]")
    assert [send(n8n, body).status_code for _ in range(4)] == [503, 503, 429, 200]


def test_a_hang_lasts_until_the_client_gives_up(n8n: Program, receiver: Receiver) -> None:
    idle, acting = post(receiver, f"{uuid4()} [n8n:hang]"), post(receiver, f"{uuid4()} [n8n:hang act]")
    for body in (idle, acting):
        with pytest.raises(requests.ReadTimeout):
            send(n8n, body, timeout=2)  # long enough for the request to arrive on a busy machine
    assert reports(receiver, acting)[0]["status"] == "published"
    assert not published(n8n, idle["postId"])


def test_a_dropped_connection_publishes_only_with_act(n8n: Program, receiver: Receiver) -> None:
    before, after = post(receiver, f"{uuid4()} [n8n:drop x1]"), post(receiver, f"{uuid4()} [n8n:drop act never x1]")
    for body in (before, after):
        with pytest.raises(requests.ConnectionError):
            send(n8n, body)
    assert not published(n8n, before["postId"])
    assert len(published(n8n, after["postId"])) == 1
    send(n8n, after)
    assert reports(receiver, after)[0]["errorCode"] == "DUPLICATE_POST"


def test_a_late_report_is_sent_after_its_delay(n8n: Program, receiver: Receiver) -> None:
    body = post(receiver, f"{uuid4()} [n8n:late=0.6]")
    send(n8n, body)
    reports(receiver, body)
    [entry] = ledger(n8n, body["postId"])
    assert receiver.calls[0].at - entry["publishedAtNs"] / 1e9 > 0.59  # only the report is late


def test_first_sends_the_report_before_the_answer(n8n: Program, receiver: Receiver) -> None:
    body = post(receiver, f"{uuid4()} [n8n:first]")
    send(n8n, body)
    assert len(receiver.of(body["postId"])) == 1


def test_two_reports_can_have_the_same_urn_or_different_urns(n8n: Program, receiver: Receiver) -> None:
    twice, two = post(receiver, f"{uuid4()} [n8n:twice]"), post(receiver, f"{uuid4()} [n8n:two-urns]")
    for body in (twice, two):
        send(n8n, body)
    assert len({report["linkedinPostUrn"] for report in reports(receiver, twice, 2)}) == 1
    assert len({report["linkedinPostUrn"] for report in reports(receiver, two, 2)}) == 2
    assert len(published(n8n, two["postId"])) == 2


def test_run_twice_reports_a_success_and_a_duplicate(n8n: Program, receiver: Receiver) -> None:
    body = post(receiver, f"{uuid4()} [n8n:run-twice]")
    send(n8n, body)
    assert [report["status"] for report in reports(receiver, body, 2)] == ["published", "failed"]


def test_never_and_vanish_send_no_report(n8n: Program, receiver: Receiver) -> None:
    silent, vanished = post(receiver, f"{uuid4()} [n8n:never]"), post(receiver, f"{uuid4()} [n8n:vanish]")
    for body in (silent, vanished):
        assert send(n8n, body).status_code == 200
    witness = post(receiver)
    send(n8n, witness)
    wait_for("the witness", lambda: report_answered(n8n, witness))
    assert len(published(n8n, silent["postId"])) == 1
    assert not published(n8n, vanished["postId"])
    assert not receiver.of(silent["postId"])
    assert not receiver.of(vanished["postId"])


@pytest.mark.parametrize(
    ("do", "code", "status", "retryable"),
    [
        ("permanent", "VALIDATION_ERROR", 400, False),
        ("transient", "SERVICE_UNAVAILABLE", 503, True),
        ("throttled", "TOO_MANY_REQUESTS", 429, True),
        ("revoked", "REVOKED_ACCESS_TOKEN", 401, False),
        ("meta-190", "190", 400, False),
    ],
)
def test_a_failure_is_reported_with_the_networks_code_and_status(
    n8n: Program, receiver: Receiver, do: str, code: str, status: int, retryable: bool
) -> None:
    body = post(receiver, f"{uuid4()} [n8n:{do}]")
    assert send(n8n, body).status_code == 200
    [report] = reports(receiver, body)
    assert report["status"] == "failed"
    assert report["errorMessage"]
    assert (report["errorCode"], report["httpStatus"], report["retryable"]) == (code, status, retryable)
    assert not published(n8n, body["postId"])


def test_script_rules_match_by_post_or_text_and_are_used_up(n8n: Program, receiver: Receiver) -> None:
    by_id, by_text, other = post(receiver), post(receiver, f"needle {uuid4()}"), post(receiver)
    rules = [{"postId": by_id["postId"], "times": 2, "do": "500"}, {"match": "needle", "do": "429"}]
    for rule in rules:
        assert requests.post(f"{n8n.url}/_local/script", json=rule, timeout=10).status_code == 201
    assert send(n8n, other).status_code == 200
    assert [send(n8n, by_id).status_code for _ in range(3)] == [500, 500, 200]
    assert [send(n8n, by_text).status_code for _ in range(2)] == [429, 200]
    assert requests.get(f"{n8n.url}/_local/script", timeout=10).json() == []


def test_an_unknown_word_is_named_in_the_answer(n8n: Program, receiver: Receiver) -> None:
    rules: list[dict[str, str | int]] = [{"do": "explode"}, {"times": 1}, {"do": "503", "times": 0}]
    for rule in rules:
        answer = requests.post(f"{n8n.url}/_local/script", json=rule, timeout=10)
        assert answer.status_code == 400
        assert answer.json()["error"]
    answer = send(n8n, post(receiver, "[n8n:explode]"))
    assert answer.status_code == 400
    assert "explode" in answer.json()["message"]


def test_another_webhook_path_answers_404(n8n: Program) -> None:
    answer = requests.post(f"{n8n.url}/webhook/publish-elsewhere", json={}, timeout=10)
    assert answer.status_code == 404
    assert 'POST publish-elsewhere" is not registered' in answer.json()["message"]


def test_a_body_that_is_not_json_answers_422(n8n: Program) -> None:
    answer = requests.post(f"{n8n.url}/webhook/publish-linkedin", data=b"{", timeout=10)
    assert answer.status_code == 422
