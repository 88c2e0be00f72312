"""The stand-in loses no answered call at a stop or a kill -9, and continues from its data file."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import requests

from tests.contract.conftest import StartStandIn
from tests.contract.support import DEADLINE, Answer, Destination, Inbox, StandIn, next_second


def test_messages_survive_a_kill(stand_in: StandIn, destination: Destination) -> None:
    waiting, retrying, far = destination.inbox(), destination.inbox(), destination.inbox()
    retrying.script = [Answer(500)]
    at = next_second(2.0)
    far_id = stand_in.api.publish_id(far.url, Delay="1h")
    waiting_id = stand_in.api.publish_id(waiting.url, b"kept", Not_Before=str(at), Label="post-1")
    retrying_id = stand_in.api.publish_id(retrying.url, Retries="1", Retry_Delay="2000")
    stand_in.api.wait_state(retrying_id, "RETRY")
    assert stand_in.kill() == -signal.SIGKILL
    stand_in.start()
    # A slow restart can outlast the two short delays. These messages may be delivered already.
    assert {far_id} <= set(stand_in.pending()) <= {far_id, waiting_id, retrying_id}
    [delivery] = waiting.wait()
    assert (delivery.message_id, delivery.body, delivery.headers["upstash-label"]) == (waiting_id, b"kept", "post-1")
    assert delivery.at >= at
    retry = retrying.wait(2)[1]
    assert (retry.message_id, retry.retried) == (retrying_id, 1)
    assert far.deliveries == []


def test_a_message_due_during_the_downtime_is_delivered_on_start(stand_in: StandIn, inbox: Inbox) -> None:
    at = next_second(2.0)
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
    """Concurrent publishes share transactions. A kill loses no answered publish."""
    answered: list[str] = []

    def publish_until_the_kill() -> None:
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
            pool.submit(publish_until_the_kill)
        assert enough.wait(DEADLINE)
        stand_in.kill()
    stand_in.start()
    assert set(answered) <= set(stand_in.pending())


def test_dead_letters_deduplication_schedules_and_keys_survive_a_restart(stand_in: StandIn, inbox: Inbox) -> None:
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


def test_a_publish_beyond_the_daily_quota_answers_429(start_stand_in: StartStandIn, inbox: Inbox) -> None:
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


def test_missed_schedule_instants_are_made_up_for_once(
    stand_in: StandIn, inbox: Inbox, destination: Destination
) -> None:
    """The schedule has three instants in one minute of the year. All three pass during the downtime."""
    after = destination.inbox()
    at = next_second(2.0)
    at += 60 - at % 60 if at % 60 > 57 else 0  # the three instants must share a minute
    moment = datetime.fromtimestamp(at, UTC)
    cron = f"{moment.second}-{moment.second + 2} {moment:%M %H %d %m} *"
    stand_in.api.sdk.schedule.create(destination=inbox.url, cron=cron, body="tick", schedule_id="sweep")
    stand_in.kill()
    time.sleep(max(0.0, at + 2.01 - time.time()))
    assert inbox.deliveries == []
    stand_in.start()
    inbox.wait()
    stand_in.api.wait_state(stand_in.api.publish_id(after.url, Delay="1s"), "DELIVERED")
    assert [delivery.body for delivery in inbox.deliveries] == [b"tick"]
    schedule = stand_in.api.call("GET", "/v2/schedules/sweep").json()
    assert schedule["nextScheduleTime"] > (at + 86_400) * 1000
