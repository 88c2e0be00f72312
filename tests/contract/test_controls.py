"""The stand-in's controls under /_local: lost messages, outages, lost answers, slow deliveries, a reset."""

import time
from typing import Any

import pytest
import requests

from tests.contract.support import Destination, Inbox, StandIn


def test_a_lost_message_is_never_delivered(stand_in: StandIn, inbox: Inbox, destination: Destination) -> None:
    after = destination.inbox()
    stand_in.control("POST", "drop-next", {"count": 2})
    lost = [stand_in.api.publish_id(inbox.url) for _ in range(2)]
    assert stand_in.pending() == []
    lost.append(stand_in.api.publish_id(inbox.url, Delay="2s"))
    assert stand_in.control("POST", "lose", {"messageId": lost[2]}) == {"lost": lost[2]}
    assert stand_in.api.call("POST", "/_local/lose", json={"messageId": lost[2]}).status_code == 404
    stand_in.api.publish_id(after.url, Delay="2s")
    after.wait()
    assert inbox.deliveries == []
    assert all(stand_in.api.states(message_id) == ["CREATED"] for message_id in lost[2:])


def test_an_outage_refuses_calls_but_delivers_messages(stand_in: StandIn, inbox: Inbox) -> None:
    stand_in.api.publish_id(inbox.url, Delay="1s")
    stand_in.control("POST", "outage", {"seconds": None, "mode": "503"})
    for _ in range(2):
        assert stand_in.api.publish(inbox.url).status_code == 503
    inbox.wait()
    stand_in.control("POST", "outage", {"seconds": 0})
    assert stand_in.api.publish(inbox.url).status_code == 201


def test_a_publish_with_a_lost_answer_can_be_repeated(stand_in: StandIn, inbox: Inbox) -> None:
    """The client cannot know the result. The same deduplication id makes the repetition safe."""
    stand_in.control("POST", "outage", {"mode": "drop-after-accept"})
    with pytest.raises(requests.ConnectionError):
        stand_in.api.publish(inbox.url, Deduplication_Id="once")
    stand_in.control("POST", "outage", {"seconds": 0})
    [delivery] = inbox.wait()
    assert stand_in.api.publish(inbox.url, Deduplication_Id="once").json() == {
        "messageId": delivery.message_id,
        "deduplicated": True,
    }


def test_a_reset_deletes_all_data(stand_in: StandIn, inbox: Inbox) -> None:
    api = stand_in.api
    api.publish_id(inbox.url, Delay="1h", Deduplication_Id="once")
    api.sdk.schedule.create(destination=inbox.url, cron="0 0 1 1 *")
    stand_in.control("POST", "drop-next", {"count": 1})
    stand_in.control("POST", "reset")
    assert stand_in.pending() == []
    assert api.sdk.schedule.list() == []
    assert api.call("GET", "/v2/events").json()["events"] == []
    assert api.publish(inbox.url, Deduplication_Id="once").status_code == 201
    inbox.wait()


def test_a_slow_service_delays_each_message_by_a_cold_start(stand_in: StandIn, inbox: Inbox) -> None:
    stand_in.control("POST", "slow", {"coldSeconds": 1.5, "coldShare": 1})
    sent = time.time()
    stand_in.api.publish_id(inbox.url)
    inbox.wait()
    assert time.time() - sent >= 1.5
    stand_in.control("POST", "slow", {})


@pytest.mark.parametrize("body", [{"seconds": -1}, {"seconds": "3"}, {"coldShare": 2}, {"coldSeconds": None}])
def test_a_malformed_delay_is_refused(stand_in: StandIn, body: dict[str, Any]) -> None:
    assert stand_in.api.call("POST", "/_local/slow", json=body).status_code == 400
