"""The event log and the dead letters as lists: content, filters, order, paging. Routes that are missing."""

import base64
from typing import Any

import pytest

from app.local.qstash.headers import parse
from tests.contract.support import Answer, Api, Inbox

OPTIONS = {
    "Delay": "1h",
    "Retries": "2",
    "Retry-Delay": "1000 * retried",
    "Timeout": "30s",
    "Flow-Control-Key": "key",
    "Forward-X-Mine": "1",
    "Callback": "http://127.0.0.1:9/back",
    "Callback-Forward-X-Yours": "2",
    "Failure-Callback": "http://127.0.0.1:9/failed",
    "Failure-Callback-Forward-X-Theirs": "3",
}
FLOW = [("parallelism=3, rate=4, period=2", (3, 4, 2)), ("Rate=1", (None, 1, 1)), ("Parallelism=5", (5, None, 1))]
FLOW += [("rate=23,period=1h30m3s", (None, 23, 5403))]


def events(api: Api, **params: Any) -> list[dict[str, Any]]:
    answer = api.call("GET", "/v2/events", params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["events"])


def dead(api: Api, **params: Any) -> set[str]:
    return {each["messageId"] for each in api.call("GET", "/v2/dlq", params=params).json()["messages"]}


@pytest.mark.parametrize(("value", "shown"), FLOW)
def test_the_period_of_flow_control_is_one_second_by_default(
    api: Api, inbox: Inbox, value: str, shown: tuple[int | None, int | None, int]
) -> None:
    flow = {"Flow-Control-Key": "key", "Flow-Control-Value": value}
    message_id = api.publish_id(inbox.url, Delay="1h", **flow)
    message = api.sdk.message.get(message_id).flow_control
    [logged] = api.sdk.log.list(filter={"message_id": message_id}).logs
    for found in (message, logged.flow_control):
        assert found is not None
        assert (found.key, found.parallelism, found.rate, found.period) == ("key", *shown)
    stored = parse((("Upstash-Flow-Control-Key", "key"), ("Upstash-Flow-Control-Value", value))).flow
    assert stored is not None
    assert stored.period == shown[2]


def test_an_event_shows_its_message_in_the_names_of_the_service(api: Api, inbox: Inbox) -> None:
    options = {**OPTIONS, "Flow-Control-Value": "parallelism=3", "Label": "post-1"}
    message_id = api.publish_id(inbox.url, b"\xffbody", **options)
    [event] = events(api, messageId=message_id)
    shown = {
        "maxRetries": 2,
        "retryDelayExpression": "1000 * retried",
        "label": "post-1",
        "labels": ["post-1"],
        "flowControlKey": "key",
        "parallelism": 3,
        "period": 1,
        "timeout": 30_000,
        "method": "POST",
        "callback": "http://127.0.0.1:9/back",
        "callbackHeaders": {"Content-Type": ["application/json"], "X-Yours": ["2"]},
        "failureCallback": "http://127.0.0.1:9/failed",
        "failureCallbackHeaders": {"Content-Type": ["application/json"], "X-Theirs": ["3"]},
        "body": base64.b64encode(b"\xffbody").decode(),
    }
    assert {name: event.get(name) for name in shown} == shown
    assert event["header"]["X-Mine"] == ["1"]
    assert "rate" not in event


def test_the_sdk_reads_every_option_from_an_event(api: Api, inbox: Inbox) -> None:
    message_id = api.publish_id(inbox.url, **{**OPTIONS, "Flow-Control-Value": "rate=9", "Label": "post-1"})
    [logged] = api.sdk.log.list(filter={"message_id": message_id}).logs
    assert (logged.max_retries, logged.retry_delay_expression, logged.label) == (2, "1000 * retried", "post-1")
    assert (logged.callback, logged.failure_callback) == ("http://127.0.0.1:9/back", "http://127.0.0.1:9/failed")
    assert logged.body_base64 == base64.b64encode(b"{}").decode()


def test_every_event_of_a_message_shows_it_after_its_delivery_too(api: Api, inbox: Inbox) -> None:
    message_id = api.publish_id(inbox.url, Retries="1", Label="done")
    api.wait_state(message_id, "DELIVERED")
    found = events(api, messageId=message_id)
    assert [event["state"] for event in found] == ["DELIVERED", "ACTIVE", "CREATED"]
    assert {(event["maxRetries"], event["label"]) for event in found} == {(1, "done")}


def test_labels_are_a_list_and_each_finds_the_message(api: Api, inbox: Inbox) -> None:
    both = api.publish_id(inbox.url, Delay="1h", Label="apple, pear")
    other = api.publish_id(inbox.url, Delay="1h", Label="appletart")
    assert events(api, messageId=both)[0]["labels"] == ["apple", "pear"]
    assert {event["messageId"] for event in events(api, label="pear")} == {both}
    assert {event["messageId"] for event in events(api, label=["apple", "appletart"])} == {both, other}
    assert events(api, label="app") == events(api, label="%") == []


def test_events_are_filtered_by_state_and_ordered(api: Api, inbox: Inbox) -> None:
    inbox.always = Answer(500)
    message_id = api.publish_id(inbox.url, Retries="0")
    api.dead(message_id)

    def states(**params: str) -> list[str]:
        return [event["state"] for event in events(api, messageId=message_id, **params)]

    assert states() == ["FAILED", "ERROR", "ACTIVE", "CREATED"]
    assert states(order="earliestFirst") == ["CREATED", "ACTIVE", "ERROR", "FAILED"]
    assert states(state="IN_PROGRESS") == ["ERROR", "ACTIVE"]
    assert states(state="CREATED") == ["CREATED"]
    assert api.call("GET", "/v2/events", params={"order": "random"}).status_code == 400
    cancelled = api.publish_id(inbox.url, Delay="1h")
    api.sdk.message.cancel(cancelled)
    for spelling in ("CANCELED", "CANCELLED"):
        assert len(events(api, messageId=cancelled, state=spelling)) == 1


@pytest.mark.parametrize("order", ["earliestFirst", "latestFirst"])
def test_pages_of_events_neither_overlap_nor_miss(api: Api, inbox: Inbox, order: str) -> None:
    ids = [api.publish_id(inbox.url, Delay="1h", Label=f"paged-{order}") for _ in range(5)]
    wanted, found = {"label": f"paged-{order}", "order": order, "count": "2"}, []
    cursor: dict[str, str] = {}
    while True:
        page = api.call("GET", "/v2/events", params={**wanted, **cursor}).json()
        found += [event["messageId"] for event in page["events"]]
        if "cursor" not in page:
            break
        cursor = {"cursor": page["cursor"]}
    assert found == (ids if order == "earliestFirst" else ids[::-1])


def test_dead_letters_are_filtered_by_each_of_their_fields(api: Api, inbox: Inbox) -> None:
    inbox.always = Answer(418)
    message_id = api.publish_id(inbox.url, Retries="0", Label="red,green")
    letter = api.dead(message_id)
    only = {"messageId": message_id}
    assert letter["label"] == "red,green"
    for name, value, none in [
        ("label", "green", "gree"),
        ("url", inbox.url, "http://127.0.0.1:9"),
        ("responseStatus", "418", "500"),
        ("callerIp", letter["callerIP"], "192.0.2.1"),
        ("fromDate", "1", "9999999999999"),
        ("toDate", "9999999999999", "1"),
    ]:
        assert dead(api, **only, **{name: value}) == {message_id}, name
        assert dead(api, **only, **{name: none}) == set(), name


@pytest.mark.parametrize("name", ["topicName", "queueName"])
def test_a_filter_by_what_the_stand_in_lacks_finds_nothing(api: Api, inbox: Inbox, name: str) -> None:
    api.publish_id(inbox.url, Delay="1h")
    assert events(api, **{name: "x"}) == []
    assert dead(api, **{name: "x"}) == set()


@pytest.mark.parametrize("path", ["/v2/messages", "/v2/dlq"])
def test_a_bulk_call_with_a_filter_is_refused_instead_of_taking_everything(api: Api, inbox: Inbox, path: str) -> None:
    message_id = api.publish_id(inbox.url, Delay="1h")
    answer = api.call("DELETE", path, json={"label": "x"})
    assert (answer.status_code, "label" in answer.json()["error"]) == (400, True)
    assert api.states(message_id) == ["CREATED"]


def test_a_report_has_the_retries_of_its_message_or_its_own(api: Api, inbox: Inbox) -> None:
    for own, expected in (({}, 1), ({"Callback-Retries": "2"}, 2)):
        path = f"http://127.0.0.1:9/{expected}"
        api.wait_state(api.publish_id(inbox.url, Retries="1", Callback=path, **own), "DELIVERED")
        assert events(api, url=path, state="CREATED")[0]["maxRetries"] == expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/queues"),
        ("POST", "/v2/enqueue/queue/https://example.com"),
        ("GET", "/v2/topics"),
        ("GET", "/v2/flowControl/key"),
        ("POST", "/v2/dlq/retry"),
        ("PUT", "/v2/keys"),
        ("GET", "/v2/publish/https://example.com"),
        ("PATCH", "/v2/schedules/id"),
        ("GET", "/"),
        ("GET", "/v3/events"),
    ],
)
def test_a_missing_route_answers_404_and_names_the_routes(api: Api, method: str, path: str) -> None:
    answer = api.call(method, path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/json")
    assert list(answer.json()) == ["error"]
    text = answer.json()["error"]
    assert text.startswith(f"{method} {path} is no route of the stand-in. It has POST /v2/publish/")
    for route in ("POST /v2/batch", "GET /v2/events", "DELETE /v2/messages/{id}", "PATCH /v2/schedules/{id}/pause"):
        assert route in text
    assert "/_local" not in text


def test_the_log_has_its_two_paths(api: Api, inbox: Inbox) -> None:
    message_id = api.publish_id(inbox.url, Delay="1h")
    found = api.call("GET", "/v2/logs", params={"messageId": message_id}).json()
    assert found == api.call("GET", "/v2/events", params={"messageId": message_id}).json()
