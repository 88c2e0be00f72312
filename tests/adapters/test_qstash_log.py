"""QStash's log of deliveries, and the instant that a message carries."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.adapters.qstash_errors import translate
from app.domain.keys import alarm_for, lease_alarm_for
from app.domain.ports import MessageServiceError
from tests.adapters.qstash_fixtures import TOKEN, accepts, messages, refuses
from tests.adapters.servers import http_server, says
from tests.domain.test_delivery_keys import post

AT = datetime(2026, 12, 1, 8, 0, 0, 250_999, tzinfo=UTC)


BROKEN: list[Any] = [None, [1], [{}], [{"time": "x"}], [{"time": 1}]]


def event(**changes: Any) -> dict[str, Any]:
    return {"time": 1_796_112_000_250, "messageId": "msg_1", "state": "DELIVERED", "url": "https://x"} | changes


def test_delivered_at_asks_for_the_deliveries_of_one_message_with_our_token():
    with http_server(says(200, {"events": [event()]})) as qstash:
        found = messages(qstash.url).delivered_at("msg_1")
    assert found == datetime(2026, 12, 1, 8, 0, 0, 250_000, tzinfo=UTC)
    [seen] = qstash.seen
    assert (seen.method, seen.headers["authorization"]) == ("GET", f"Bearer {TOKEN}")
    assert seen.path == "/v2/events?messageId=msg_1&state=DELIVERED&count=1"


@pytest.mark.parametrize(
    "events", [[], [event(state="ERROR")], [event(state="CANCELED")], [event(messageId="msg_2")]], ids=str
)
def test_delivered_at_is_none_without_a_delivery_of_this_message(events: list[dict[str, Any]]):
    with http_server(says(200, {"cursor": "1", "events": events})) as qstash:
        assert messages(qstash.url).delivered_at("msg_1") is None


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        *({"events": broken} for broken in BROKEN),
        {"events": [event(time="x")]},
        {"events": [event(time=10**30)]},
    ],
    ids=str,
)
def test_delivered_at_refuses_a_broken_answer(answer: Any):
    with http_server(says(200, answer)) as qstash, pytest.raises(MessageServiceError) as caught:
        messages(qstash.url).delivered_at("msg_1")
    assert caught.value.code == "broken_answer"


@pytest.mark.parametrize(("status", "code"), [(401, "unauthorized"), (500, "unreachable"), (429, "rate_limited")])
def test_delivered_at_reports_a_refusal_by_its_code(status: int, code: str):
    with http_server(refuses(status, "no")) as qstash, pytest.raises(MessageServiceError) as caught:
        messages(qstash.url).delivered_at("msg_1")
    assert caught.value.code in (code, "refused")
    assert TOKEN not in str(translate(caught.value, []))


@pytest.mark.parametrize("message_id", ["", ".", "../keys", "a/b", "a b", "a&state=ERROR"])
def test_delivered_at_refuses_a_malformed_id_without_a_call(message_id: str):
    with http_server(says(200, {"events": []})) as qstash, pytest.raises(ValueError, match="not a message id"):
        messages(qstash.url).delivered_at(message_id)
    assert qstash.seen == []


def test_messages_carry_the_instant_of_their_publication_in_milliseconds():
    alarms = [alarm_for(post(), 1_796_112_000, AT), lease_alarm_for(post(), AT, AT)]
    with http_server(accepts) as qstash:
        messages(qstash.url).publish_batch(alarms)
    bodies = [json.loads(item["body"]) for item in qstash.seen[0].json()]
    assert [body["armedAt"] for body in bodies] == [1_796_112_000_250] * 2
