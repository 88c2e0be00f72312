"""Deliveries: instants, requests, signatures, retries, callbacks and flow control."""

import base64
import json
import math
import threading
import time
import uuid
from email.utils import formatdate
from itertools import pairwise

import jwt
import pytest
from qstash import Receiver
from qstash.errors import SignatureError

from tests.contract.support import GRAIN, Answer, Api, Destination, Inbox, next_second

FAST = "50"  # a retry delay, in ms


def test_the_request_carries_body_and_headers(api: Api, inbox: Inbox) -> None:
    body = '{"text": "Grüße 🚀"}\n'.encode() + b"\x00\xff"
    message_id = api.call(
        "POST",
        f"/v2/publish/{inbox.url}",
        headers={
            "Content-Type": "application/x-test",
            "Upstash-Forward-Authorization": "Bearer inner",
            "Upstash-Forward-X-Two": "2",
            "Upstash-Forward-Content-Length": "3",
            "X-Not-Forwarded": "1",
            "Upstash-Label": "post-1",
        },
        data=body,
    ).json()["messageId"]
    [delivery] = inbox.wait()
    headers = delivery.headers
    assert (delivery.method, delivery.body) == ("POST", body)
    assert headers["user-agent"] == "Upstash-QStash"
    assert headers["upstash-message-id"] == message_id
    assert headers["upstash-retried"] == "0"
    assert headers["content-type"] == "application/x-test"
    assert (headers["authorization"], headers["x-two"]) == ("Bearer inner", "2")
    assert "x-not-forwarded" not in headers


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_the_method_header_sets_the_method(api: Api, inbox: Inbox, method: str) -> None:
    api.publish_id(inbox.url, b"", Method=method)
    assert inbox.wait()[0].method == method


def test_the_signature_passes_the_sdks_verification(api: Api, destination: Destination, verifier: Receiver) -> None:
    inbox = destination.inbox("/hook?x=%20&y=1")
    api.publish_id(inbox.url, '{"text": "Grüße"}'.encode())
    [delivery] = inbox.wait()
    signature, body = delivery.headers["upstash-signature"], delivery.body.decode()
    verifier.verify(signature=signature, body=body, url=inbox.url)
    with pytest.raises(SignatureError):
        verifier.verify(signature=signature, body=body + " ", url=inbox.url)
    with pytest.raises(SignatureError):
        verifier.verify(signature=signature, body=body, url=inbox.url + "z")
    claims = jwt.decode(signature, options={"verify_signature": False})
    assert (claims["iss"], claims["sub"]) == ("Upstash", inbox.url)
    assert claims["exp"] - claims["iat"] == 300
    assert claims["nbf"] <= claims["iat"] <= delivery.at
    assert claims["jti"]


def test_a_message_is_delivered_on_the_first_try_and_never_early(api: Api, inbox: Inbox) -> None:
    at = next_second()
    for _ in range(20):
        api.publish_id(inbox.url, Not_Before=str(at))
    deliveries = inbox.wait(20)
    assert min(delivery.at for delivery in deliveries) >= at
    assert [delivery.retried for delivery in deliveries] == [0] * 20


def test_messages_are_delivered_in_the_order_of_their_instants(api: Api, inbox: Inbox) -> None:
    at = next_second(2.0)
    instants = {"second": at + 2, "first": at, "now": 1}
    items = [
        {"destination": inbox.url, "headers": {"Upstash-Not-Before": str(instant)}, "body": body}
        for body, instant in instants.items()
    ]
    assert api.call("POST", "/v2/batch", json=items).ok  # one call publishes all three
    now, first, second = inbox.wait(3)
    assert [now.body, first.body, second.body] == [b"now", b"first", b"second"]
    assert at <= first.at
    assert at + 2 <= second.at


def test_a_failure_is_retried_after_the_delay_of_the_expression(api: Api, inbox: Inbox) -> None:
    inbox.script = [Answer(500), Answer(503), Answer(404)]
    message_id = api.publish_id(inbox.url, Retries="3", Retry_Delay="100 * pow(2, retried)")
    tries = inbox.wait(4)
    assert [delivery.retried for delivery in tries] == [0, 1, 2, 3]
    assert {delivery.message_id for delivery in tries} == {message_id}
    gaps = [later.at - earlier.at for earlier, later in pairwise(tries)]
    for gap, wanted in zip(gaps, (0.1, 0.2, 0.4), strict=True):
        assert wanted - GRAIN <= gap < wanted + 10  # the default backoff would start with 12 s
    states = api.wait_state(message_id, "DELIVERED")
    assert states == ["CREATED", *["ACTIVE", "ERROR", "RETRY"] * 3, "ACTIVE", "DELIVERED"]


def test_a_message_becomes_a_dead_letter_after_its_last_try(api: Api, inbox: Inbox) -> None:
    inbox.always = Answer(502, body=b"bad gateway")
    message_id = api.publish_id(inbox.url, Retries="1", Retry_Delay=FAST)
    dead = api.dead(message_id)
    assert len(inbox.deliveries) == 2
    assert (dead["responseStatus"], dead["responseBody"], dead["maxRetries"]) == (502, "bad gateway", 1)
    assert api.states(message_id) == ["CREATED", "ACTIVE", "ERROR", "RETRY", "ACTIVE", "ERROR", "FAILED"]
    assert api.call("GET", f"/v2/messages/{message_id}").status_code == 404


def test_a_redirect_is_a_failure(api: Api, destination: Destination) -> None:
    inbox, elsewhere = destination.inbox(), destination.inbox()
    inbox.always = Answer(302, {"Location": elsewhere.url})
    message_id = api.publish_id(inbox.url, Retries="0")
    assert api.dead(message_id)["responseStatus"] == 302
    assert elsewhere.deliveries == []


def test_a_refused_connection_is_a_failure(api: Api) -> None:
    closed = Destination()
    closed.close()
    message_id = api.publish_id(f"{closed.origin}/hook", Retries="0")
    dead = api.dead(message_id)
    assert dead["responseStatus"] == 0 or dead["responseStatus"] >= 400
    assert "ERROR" in api.states(message_id)


def test_a_timeout_is_a_failure(api: Api, inbox: Inbox) -> None:
    release = threading.Event()
    inbox.script = [Answer(until=release)]
    before = time.time()
    message_id = api.publish_id(inbox.url, Timeout="1s", Retry_Delay=FAST, Retries="1")
    _, second = inbox.wait(2)  # the first request is still unanswered
    release.set()
    assert second.at - before >= 1
    assert second.retried == 1
    assert "RETRY" in api.wait_state(message_id, "DELIVERED")


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_retry_after_is_honoured(api: Api, inbox: Inbox, as_date: bool) -> None:
    """The header holds seconds or a date. It takes precedence over the message's own expression."""
    at = math.ceil(time.time()) + 2
    inbox.script = [Answer(429, {"Retry-After": formatdate(at, usegmt=True) if as_date else "1"})]
    api.publish_id(inbox.url, Retry_Delay=FAST, Retries="1")
    first, second = inbox.wait(2)
    assert second.at >= (at if as_date else first.at + 1 - GRAIN)


def test_an_invalid_retry_after_is_ignored(api: Api, inbox: Inbox) -> None:
    inbox.script = [Answer(503, {"Retry-After": "later"})]
    api.publish_id(inbox.url, Retry_Delay=FAST, Retries="1")
    assert inbox.wait(2)[1].retried == 1


def test_a_non_retryable_failure_is_a_dead_letter_without_a_retry(api: Api, inbox: Inbox) -> None:
    inbox.always = Answer(489, {"Upstash-NonRetryable-Error": "true"}, b"bad body")
    message_id = api.publish_id(inbox.url, Retries="3", Retry_Delay=FAST)
    dead = api.dead(message_id)
    assert (dead["responseStatus"], dead["responseBody"]) == (489, "bad body")
    assert api.states(message_id) == ["CREATED", "ACTIVE", "ERROR", "FAILED"]
    assert len(inbox.deliveries) == 1


@pytest.mark.parametrize("answer", [Answer(489), Answer(500, {"Upstash-NonRetryable-Error": "true"})])
def test_a_failure_with_only_the_status_or_only_the_header_is_retried(api: Api, inbox: Inbox, answer: Answer) -> None:
    inbox.script = [answer]
    api.publish_id(inbox.url, Retries="1", Retry_Delay=FAST)
    assert inbox.wait(2)[1].retried == 1


def test_the_callback_reports_every_attempt(api: Api, destination: Destination, verifier: Receiver) -> None:
    inbox, reports = destination.inbox(), destination.inbox("/report?a=1")
    inbox.script = [Answer(500, body=b"first"), Answer(201, {"X-Made": "here"}, b"second")]
    message_id = api.publish_id(
        inbox.url, b"body", Retries="1", Retry_Delay=FAST, Callback=reports.url, Callback_Forward_X_Key="k"
    )
    received = sorted(reports.wait(2), key=lambda delivery: int(json.loads(delivery.body)["retried"]))
    for delivery in received:
        verifier.verify(signature=delivery.headers["upstash-signature"], body=delivery.body.decode(), url=reports.url)
        assert delivery.headers["x-key"] == "k"
        assert delivery.message_id != message_id
    first, second = (json.loads(delivery.body) for delivery in received)
    assert (first["status"], first["retried"], base64.b64decode(first["body"])) == (500, 0, b"first")
    assert (second["status"], second["retried"], base64.b64decode(second["body"])) == (201, 1, b"second")
    assert second["header"]["X-Made"] == ["here"]
    assert (second["sourceMessageId"], second["url"], second["method"]) == (message_id, inbox.url, "POST")
    assert (second["maxRetries"], base64.b64decode(second["sourceBody"])) == (1, b"body")
    assert isinstance(second["createdAt"], str)
    assert isinstance(second["notBefore"], str)


def test_the_failure_callback_is_sent_after_the_last_try(api: Api, destination: Destination) -> None:
    inbox, reports = destination.inbox(), destination.inbox()
    inbox.always = Answer(500, body=b"no")
    reports.script = [Answer(500)]
    message_id = api.publish_id(
        inbox.url,
        b"body",
        Retries="1",
        Retry_Delay=FAST,
        Failure_Callback=reports.url,
        Failure_Callback_Retry_Delay=FAST,
    )
    first, again = reports.wait(2)
    assert (first.body, first.message_id, again.retried) == (again.body, again.message_id, 1)
    assert len(inbox.deliveries) == 2
    report = json.loads(again.body)
    assert (report["status"], report["retried"], report["sourceMessageId"]) == (500, 1, message_id)
    assert report["dlqId"] == api.dead(message_id)["dlqId"]


def test_a_success_sends_no_failure_callback(api: Api, destination: Destination) -> None:
    inbox, reports, after = destination.inbox(), destination.inbox(), destination.inbox()
    api.wait_state(api.publish_id(inbox.url, Failure_Callback=reports.url), "DELIVERED")
    api.publish_id(after.url)
    after.wait()
    assert reports.deliveries == []


def test_flow_control_limits_the_deliveries_in_flight(api: Api, inbox: Inbox) -> None:
    release = threading.Event()
    inbox.always = Answer(until=release)
    ids = [
        api.publish_id(inbox.url, Flow_Control_Key=inbox.path[1:], Flow_Control_Value="parallelism=2") for _ in range(5)
    ]
    inbox.wait_open(2)
    release.set()
    inbox.wait(5)
    for message_id in ids:
        api.wait_state(message_id, "DELIVERED")
    assert inbox.most_at_once == 2


def test_flow_control_limits_the_starts_in_a_period(api: Api, inbox: Inbox) -> None:
    flow = {"Flow-Control-Key": uuid.uuid4().hex, "Flow-Control-Value": "rate=2, period=2s"}
    for number in range(3):
        api.publish_id(inbox.url, str(number), **flow)
    inbox.wait(3)
    active = {"url": inbox.url, "state": "ACTIVE", "order": "earliestFirst"}
    first, _, third = [event["time"] for event in api.call("GET", "/v2/events", params=active).json()["events"]]
    assert third - first > 1000  # a period of 2 s, less the scheduling of the first start


def test_one_flow_control_key_does_not_delay_another(api: Api, destination: Destination) -> None:
    slow, fast = destination.inbox(), destination.inbox()
    release = threading.Event()
    slow.always = Answer(until=release)
    for _ in range(2):
        api.publish_id(slow.url, Flow_Control_Key=slow.path[1:], Flow_Control_Value="parallelism=1")
    slow.wait_open(1)
    api.publish_id(fast.url, Flow_Control_Key=fast.path[1:], Flow_Control_Value="parallelism=1")
    api.publish_id(fast.url)
    fast.wait(2)
    release.set()
    slow.wait(2)
    assert slow.most_at_once == 1


def test_a_message_cancelled_while_it_waits_for_flow_control_is_never_delivered(api: Api, inbox: Inbox) -> None:
    release = threading.Event()
    inbox.script = [Answer(until=release)]
    flow = {"Flow_Control_Key": inbox.path[1:], "Flow_Control_Value": "parallelism=1"}
    api.publish_id(inbox.url, b"first", **flow)
    inbox.wait_open(1)
    cancelled = api.publish_id(inbox.url, b"cancelled", **flow)
    api.publish_id(inbox.url, b"last", **flow)
    api.sdk.message.cancel(cancelled)
    release.set()
    assert [delivery.body for delivery in inbox.wait(2)] == [b"first", b"last"]


def test_a_message_cancelled_in_flight_is_not_retried(api: Api, destination: Destination) -> None:
    inbox, after = destination.inbox(), destination.inbox()
    release = threading.Event()
    inbox.always = Answer(500, until=release)
    message_id = api.publish_id(inbox.url, Retries="3", Retry_Delay=FAST)
    inbox.wait_open(1)
    api.sdk.message.cancel(message_id)
    release.set()
    api.wait_state(message_id, "ERROR")
    api.publish_id(after.url, Delay="1s")
    after.wait()
    assert len(inbox.deliveries) == 1
    assert not {"RETRY", "FAILED"} & set(api.states(message_id))
