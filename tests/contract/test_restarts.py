"""The stand-in keeps its word over a stop and a kill -9: what was answered is in its file, whence it goes on."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.contract.conftest import StartStandIn
from tests.contract.support import DEADLINE, Answer, Destination, Inbox, StandIn, next_second


def test_messages_survive_a_kill(stand_in: StandIn, destination: Destination) -> None:
    waiting, retrying = destination.inbox(), destination.inbox()
    retrying.script = [Answer(500)]
    at = next_second(0.8)
    waiting_id = stand_in.api.publish_id(waiting.url, b"kept", Not_Before=str(at), Label="post-1")
    retrying_id = stand_in.api.publish_id(retrying.url, Retries="1", Retry_Delay="1000")
    stand_in.api.wait_state(retrying_id, "RETRY")
    assert stand_in.kill() == -signal.SIGKILL
    stand_in.start()
    assert set(stand_in.pending()) == {waiting_id, retrying_id}
    [delivery] = waiting.wait()
    assert (delivery.message_id, delivery.body, delivery.headers["upstash-label"]) == (waiting_id, b"kept", "post-1")
    assert delivery.at >= at
    assert retrying.wait(2)[1].retried == 1


def test_a_message_due_during_the_downtime_is_delivered_on_start(stand_in: StandIn, inbox: Inbox) -> None:
    at = next_second()
    stand_in.api.publish_id(inbox.url, Not_Before=str(at))
    stand_in.kill()
    time.sleep(max(0.0, at + 0.01 - time.time()))
    assert inbox.deliveries == []
    stand_in.start()
    inbox.wait()


def test_a_message_in_flight_at_the_kill_is_delivered_again(stand_in: StandIn, inbox: Inbox) -> None:
    release = threading.Event()
    inbox.script = [Answer(until=release)]
    message_id = stand_in.api.publish_id(inbox.url)
    inbox.wait_open(1)
    stand_in.kill()
    release.set()
    stand_in.start()
    assert [delivery.message_id for delivery in inbox.wait(2)] == [message_id, message_id]


def test_every_answered_publish_is_on_disk(stand_in: StandIn, inbox: Inbox) -> None:
    """Many at once share transactions; a kill in their midst loses none that was answered."""
    answered: list[str] = []

    def publish_until_it_dies() -> None:
        while True:
            try:
                answer = requests.post(
                    f"{stand_in.url}/v2/publish/{inbox.url}",
                    headers={"Authorization": f"Bearer {stand_in.api.token}", "Upstash-Delay": "1h"},
                    timeout=DEADLINE,
                )
            except requests.RequestException:
                return
            answered.append(answer.json()["messageId"])
            if len(answered) >= 100:
                enough.set()

    enough = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(publish_until_it_dies)
        assert enough.wait(DEADLINE)
        stand_in.kill()
    stand_in.start()
    assert set(answered) <= set(stand_in.pending())


def test_the_rest_of_the_account_survives_a_restart(stand_in: StandIn, inbox: Inbox) -> None:
    api = stand_in.api
    inbox.always = Answer(500, body=b"no")
    dead = api.dead(api.publish_id(inbox.url, Retries="0"))
    first = api.publish_id(inbox.url, Delay="1h", Deduplication_Id="once")
    schedule_id = api.sdk.schedule.create(destination=inbox.url, cron="0 0 1 1 *", body="x", retries=1)
    api.sdk.schedule.pause(schedule_id)
    schedule, keys = api.sdk.schedule.get(schedule_id), api.sdk.signing_key.rotate()
    assert stand_in.stop() == 0
    stand_in.start()
    assert api.call("GET", f"/v2/dlq/{dead['dlqId']}").json() == dead
    assert api.publish(inbox.url, Deduplication_Id="once").json() == {"messageId": first, "deduplicated": True}
    assert api.sdk.schedule.get(schedule_id) == schedule
    assert schedule.paused
    assert api.sdk.signing_key.get() == keys
    assert api.states(first) == ["CREATED"]
    assert api.states(dead["messageId"])[-1] == "FAILED"


def test_the_daily_quota_ends_publishing(start_stand_in: StartStandIn, inbox: Inbox) -> None:
    stand_in = start_stand_in("--daily-quota", "3")
    api = stand_in.api
    assert api.call("POST", "/v2/batch", json=[{"destination": inbox.url}] * 4).status_code == 429
    api.publish_id(inbox.url)
    assert api.call("POST", "/v2/batch", json=[{"destination": inbox.url}] * 2).status_code == 200
    stand_in.stop()
    stand_in.start()
    answer = api.publish(inbox.url)
    assert answer.status_code == 429
    assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("3", "0")
    assert time.time() < int(answer.headers["RateLimit-Reset"]) <= time.time() + 86_400
    inbox.wait(3)


def test_a_missed_schedule_is_made_up_for_once(stand_in: StandIn, inbox: Inbox) -> None:
    stand_in.api.sdk.schedule.create(destination=inbox.url, cron="* * * * * *", body="tick", schedule_id="sweep")
    stand_in.api.wait_state(inbox.wait()[0].message_id, "DELIVERED")
    stand_in.kill()
    before = len(inbox.deliveries)
    time.sleep(max(0.0, inbox.deliveries[-1].at + 1.1 - time.time()))
    stand_in.start()
    made_up, next_one = inbox.wait(before + 2)[before:]
    assert next_one.at % 1 < 0.5
    assert next_one.at - made_up.at > 0.01
