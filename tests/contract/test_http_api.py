"""The HTTP API: exact error texts, ids, destinations, deduplication, bulk cancel."""

import json
import re
import time
import uuid
from urllib.parse import quote

import pytest
import requests

from tests.contract.support import Api, Destination, Inbox, next_second

HOUR = 3600


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_wrong_token_is_refused(api: Api, inbox: Inbox) -> None:
    for header in ({"Authorization": "Bearer wrong"}, {"Authorization": ""}):
        answer = api.call("POST", f"/v2/publish/{inbox.url}", headers=header)
        assert refusal(answer) == (401, "unable to authenticate: invalid token")


@pytest.mark.parametrize("url", ["example.com/hook", "ftp://example.com/hook", "localhost"])
def test_a_destination_without_http_is_refused(api: Api, url: str) -> None:
    status, text = refusal(api.publish(url))
    assert (status, text) == (400, "invalid destination url: endpoint has invalid scheme, add http:// or https://")


def test_a_delay_beyond_the_plan_is_refused(api: Api, inbox: Inbox) -> None:
    """The delay exceeds every plan, because only the free plan's limit is known."""
    for headers in ({"Delay": "9999d"}, {"Not_Before": str(int(time.time()) + 9999 * 86400)}):
        status, text = refusal(api.publish(inbox.url, **headers))
        assert status == 412
        assert re.fullmatch(r"quota maxDelay exceeded, current limit: \d+", text)


def test_a_deduplication_id_with_a_colon_is_refused(api: Api, inbox: Inbox) -> None:
    answer = api.publish(inbox.url, Deduplication_Id="post:1")
    assert refusal(answer) == (400, "DeduplicationId cannot contain ':'")


@pytest.mark.parametrize(
    "headers",
    [
        {"Not_Before": "tomorrow"},
        {"Not_Before": "1.5"},
        {"Delay": "10"},
        {"Delay": "soon"},
        {"Retries": "many"},
        {"Timeout": "long"},
        {"Retry_Delay": "__import__('os')"},
        {"Retry_Delay": "retried.real"},
        {"Callback": "example.com"},
    ],
)
def test_an_invalid_header_is_refused(api: Api, inbox: Inbox, headers: dict[str, str]) -> None:
    assert api.publish(inbox.url, **headers).status_code == 400


def test_an_invalid_cron_expression_is_refused(api: Api, inbox: Inbox) -> None:
    for headers in ({"Upstash-Cron": "every day"}, {"Upstash-Cron": "CRON_TZ=Mars/Base 0 8 * * *"}, {}):
        assert api.call("POST", f"/v2/schedules/{inbox.url}", headers=headers).status_code == 400


@pytest.mark.parametrize(("method", "path"), [("GET", "messages"), ("DELETE", "messages"), ("GET", "dlq")])
def test_an_unknown_id_answers_404(api: Api, method: str, path: str) -> None:
    answer = api.call(method, f"/v2/{path}/msg_unknown")
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_message_ids_need_no_url_encoding(api: Api, inbox: Inbox) -> None:
    assert re.fullmatch(r"msg_[A-Za-z0-9_-]+", api.publish_id(inbox.url))


def test_one_invalid_item_refuses_the_whole_batch(api: Api, inbox: Inbox, destination: Destination) -> None:
    good = {"destination": inbox.url, "headers": {}, "body": "1"}
    for bad in (
        {"destination": "nowhere", "body": "2"},
        {"destination": inbox.url, "headers": {"Upstash-Deduplication-Id": "a:b"}},
        {"destination": inbox.url, "headers": {"Upstash-Forward-X": "a\r\nb"}},
        {"destination": inbox.url, "headers": {"Upstash-Label": "\ud800"}},
        {"destination": inbox.url + "/\ud800"},
    ):
        assert api.call("POST", "/v2/batch", json=[good, bad]).status_code == 400
    after = destination.inbox()
    api.publish_id(after.url)
    after.wait()
    assert inbox.deliveries == []


def test_a_batch_must_be_a_list(api: Api) -> None:
    for body in ('{"destination": "https://example.com"}', "not json"):
        assert api.call("POST", "/v2/batch", data=body).status_code == 400


def test_the_destination_keeps_its_path_and_query(api: Api, destination: Destination) -> None:
    inbox = destination.inbox("/a%20b//c?x=1&y=%2F&z=http://other/")
    api.publish_id(inbox.url)
    assert inbox.wait()[0].target == inbox.path


def test_the_destination_may_be_percent_encoded(api: Api, destination: Destination) -> None:
    inbox = destination.inbox("/hook?x=1&y=2")
    message_id = api.publish_id(quote(inbox.url, safe=""), Delay="1h")
    assert api.call("GET", f"/v2/messages/{message_id}").json()["url"] == inbox.url
    api.call("DELETE", f"/v2/messages/{message_id}")


def test_a_duplicate_is_accepted_and_not_enqueued(api: Api, inbox: Inbox) -> None:
    key = uuid.uuid4().hex
    first = api.publish(inbox.url, b"1", Deduplication_Id=key)
    second = api.publish(inbox.url, b"2", Deduplication_Id=key)
    assert (first.status_code, second.status_code) == (201, 202)
    assert second.json() == {"messageId": first.json()["messageId"], "deduplicated": True}
    api.publish_id(inbox.url, b"3", Deduplication_Id=uuid.uuid4().hex)
    assert sorted(delivery.body for delivery in inbox.wait(2)) == [b"1", b"3"]


def test_a_duplicate_within_a_batch_is_one_message(api: Api, inbox: Inbox) -> None:
    item = {"destination": inbox.url, "headers": {"Upstash-Deduplication-Id": uuid.uuid4().hex}, "body": "1"}
    first, second = api.call("POST", "/v2/batch", json=[item, item]).json()
    assert second == {"messageId": first["messageId"], "deduplicated": True}


def test_content_based_deduplication_compares_bodies(api: Api, inbox: Inbox) -> None:
    options = {"Content_Based_Deduplication": "true", "Delay": "1h"}
    first = api.publish(inbox.url, b"same", **options).json()
    again = api.publish(inbox.url, b"same", **options).json()
    other = api.publish(inbox.url, b"other", **options).json()
    assert again == {"messageId": first["messageId"], "deduplicated": True}
    assert other["messageId"] != first["messageId"]
    assert api.sdk.message.cancel_many([first["messageId"], other["messageId"]]) == 2


def test_not_before_takes_precedence_over_delay(api: Api, inbox: Inbox) -> None:
    at = next_second() + HOUR
    message_id = api.publish_id(inbox.url, Not_Before=str(at), Delay="10s")
    assert api.call("GET", f"/v2/messages/{message_id}").json()["notBefore"] == at * 1000
    api.call("DELETE", f"/v2/messages/{message_id}")


def test_a_delay_can_combine_units(api: Api, inbox: Inbox) -> None:
    message_id = api.publish_id(inbox.url, Delay="1d2h3m4s")
    message = api.call("GET", f"/v2/messages/{message_id}").json()
    assert abs(message["notBefore"] - message["createdAt"] - 93_784_000) <= 1000
    api.call("DELETE", f"/v2/messages/{message_id}")


def test_a_binary_body_is_shown_in_base64(api: Api, inbox: Inbox) -> None:
    message_id = api.publish_id(inbox.url, b"\xff\x00", Delay="1h")
    assert api.call("GET", f"/v2/messages/{message_id}").json()["bodyBase64"] == "/wA="
    api.call("DELETE", f"/v2/messages/{message_id}")


def test_a_bulk_cancel_with_invalid_json_cancels_nothing(api: Api, inbox: Inbox) -> None:
    message_id = api.publish_id(inbox.url, Delay="1h")
    assert api.call("DELETE", "/v2/messages", data="{").status_code == 400
    assert api.sdk.message.cancel_many([message_id]) == 1


def test_a_retried_dead_letter_is_a_new_message(api: Api, inbox: Inbox) -> None:
    inbox.script = [inbox.always.__class__(500)]
    message_id = api.publish_id(inbox.url, b"again", Retries="0", Forward_X_Kept="yes")
    dlq_id = api.dead(message_id)["dlqId"]
    new_id = api.call("POST", f"/v2/dlq/retry/{dlq_id}").json()["messageId"]
    assert new_id != message_id
    first, second = inbox.wait(2)
    assert (first.message_id, second.message_id) == (message_id, new_id)
    assert (second.body, second.headers["x-kept"], second.retried) == (b"again", "yes", 0)
    assert api.call("GET", f"/v2/dlq/{dlq_id}").status_code == 404
    assert api.call("POST", f"/v2/dlq/retry/{dlq_id}").status_code == 404


def test_errors_are_json(api: Api) -> None:
    answer = api.call("GET", "/v2/no-such-thing")
    assert answer.status_code == 404
    assert json.loads(answer.text)["error"]
