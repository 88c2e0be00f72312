"""The stand-in's own options, credentials and process, and its schedules with a seconds field."""

import subprocess
import time
from pathlib import Path

from qstash import Receiver

from tests.contract.conftest import StartStandIn
from tests.contract.support import DEADLINE, GRAIN, Answer, Api, Destination, Inbox, StandIn, next_second, spawn

CURRENT, UPCOMING = "sig_current_key_of_these_tests_0001", "sig_next_key_of_these_tests_0000002"


def test_deliveries_are_signed_with_the_rotated_key(start_stand_in: StartStandIn, inbox: Inbox) -> None:
    stand_in = start_stand_in(QSTASH_CURRENT_SIGNING_KEY=CURRENT, QSTASH_NEXT_SIGNING_KEY=UPCOMING)
    assert stand_in.api.call("GET", "/v2/keys").json() == {"current": CURRENT, "next": UPCOMING}
    rotated = stand_in.api.sdk.signing_key.rotate()
    assert rotated.current == UPCOMING
    assert rotated.next not in (CURRENT, UPCOMING)
    stand_in.api.publish_id(inbox.url)
    [delivery] = inbox.wait()
    Receiver(UPCOMING, "unused").verify(
        signature=delivery.headers["upstash-signature"], body=delivery.body.decode(), url=inbox.url
    )


def test_the_token_comes_from_the_environment(start_stand_in: StartStandIn) -> None:
    stand_in = start_stand_in(QSTASH_TOKEN="another")
    assert stand_in.api.call("GET", "/v2/keys").status_code == 200
    assert stand_in.api.call("GET", "/v2/keys", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_cancelling_without_ids_cancels_everything(stand_in: StandIn, inbox: Inbox) -> None:
    api = stand_in.api

    def cancelled(path: str, body: str | None) -> int:
        for _ in range(2):
            api.publish_id(inbox.url, Delay="1h")
        return int(api.call("DELETE", path, data=body).json()["cancelled"])

    for path, body in (
        ("/v2/messages", None),
        ("/v2/messages", '{"messageIds": []}'),
        ("/v2/messages", "{}"),
        ("/v2/messages/", None),
    ):
        assert cancelled(path, body) == 2
        assert stand_in.pending() == []
    api.publish_id(inbox.url, Delay="1h")
    assert api.sdk.message.cancel_all() == 1


def test_the_deliver_option_overrides_a_host(start_stand_in: StartStandIn, destination: Destination) -> None:
    inbox = destination.inbox("/a%20b?x=1")
    stand_in = start_stand_in("--deliver", f"punctual.example={destination.origin}")
    url = f"https://punctual.example{inbox.path}"
    stand_in.api.publish_id(url)
    [delivery] = inbox.wait()
    assert (delivery.target, delivery.headers["host"]) == (inbox.path, "punctual.example")
    keys = stand_in.api.sdk.signing_key.get()
    Receiver(keys.current, keys.next).verify(
        signature=delivery.headers["upstash-signature"], body=delivery.body.decode(), url=url
    )


def test_the_plan_limits_delay_and_retries(start_stand_in: StartStandIn, inbox: Inbox) -> None:
    api = start_stand_in("--max-delay", "60", "--max-retries", "2").api
    for headers in ({"Delay": "61s"}, {"Not_Before": str(int(time.time()) + 62)}):
        answer = api.publish(inbox.url, **headers)
        assert (answer.status_code, answer.json()) == (412, {"error": "quota maxDelay exceeded, current limit: 60"})
    answer = api.publish(inbox.url, Retries="3")
    assert (answer.status_code, answer.json()) == (412, {"error": "quota maxRetries exceeded, current limit: 2"})
    message_id = api.publish_id(inbox.url, Delay="60s", Retries="2")
    assert api.sdk.message.get(message_id).max_retries == 2
    batch = [{"destination": inbox.url}, {"destination": inbox.url, "headers": {"Upstash-Delay": "61s"}}]
    assert api.call("POST", "/v2/batch", json=batch).status_code == 412


def test_the_free_plan_is_the_default(stand_in: StandIn, inbox: Inbox) -> None:
    answer = stand_in.api.publish(inbox.url, Delay="8d")
    assert answer.json() == {"error": "quota maxDelay exceeded, current limit: 604800"}
    assert stand_in.api.publish(inbox.url, Retries="6").json()["error"].startswith("quota maxRetries exceeded")


def test_the_backoff_grows_and_can_be_scaled(stand_in: StandIn, inbox: Inbox) -> None:
    """The delays are e^2.5 and e^5 units of 2 ms."""
    inbox.script = [Answer(500), Answer(500)]
    message_id = stand_in.api.publish_id(inbox.url)
    first, second, third = inbox.wait(3)
    params = {"messageId": message_id, "state": "RETRY"}
    later, sooner = stand_in.api.call("GET", "/v2/events", params=params).json()["events"]
    assert [event["nextDeliveryTime"] - event["time"] for event in (sooner, later)] == [25, 297]
    assert second.at - first.at >= 0.025 - GRAIN
    assert third.at - second.at >= 0.297 - GRAIN


def test_a_schedule_fires_until_it_is_paused(stand_in: StandIn, destination: Destination) -> None:
    """The expression has six fields. The first is the second. Only the stand-in supports it."""
    inbox, after, api = destination.inbox(), destination.inbox(), stand_in.api
    schedule_id = api.sdk.schedule.create(
        destination=inbox.url, cron="* * * * * *", body="tick", headers={"X-Tick": "1"}, label="sweep"
    )
    first, second = inbox.wait(2)[:2]
    assert first.message_id != second.message_id
    assert (first.body, first.headers["upstash-schedule-id"], first.headers["x-tick"]) == (b"tick", schedule_id, "1")
    schedule = api.call("GET", f"/v2/schedules/{schedule_id}").json()
    next_whole_second = schedule["createdAt"] // 1000 + 1
    assert (schedule["lastScheduleTime"] % 1000, schedule["nextScheduleTime"] % 1000) == (0, 0)
    assert first.at >= next_whole_second
    assert second.at >= next_whole_second + 1
    api.sdk.schedule.pause(schedule_id)
    made = scheduled_message_ids(api, schedule_id)
    api.publish_id(after.url, Not_Before=str(next_second(2.0)))
    after.wait()
    assert len(scheduled_message_ids(api, schedule_id) - made) <= 1  # one may have been in flight at the pause
    assert {delivery.message_id for delivery in inbox.deliveries} <= scheduled_message_ids(api, schedule_id)
    [event] = api.call("GET", "/v2/events", params={"messageId": first.message_id, "state": "CREATED"}).json()["events"]
    assert (event["scheduleId"], event["label"]) == (schedule_id, "sweep")


def scheduled_message_ids(api: Api, schedule_id: str) -> set[str]:
    """Return the ids of the messages created by the schedule."""
    params = {"scheduleId": schedule_id, "state": "CREATED"}
    return {event["messageId"] for event in api.call("GET", "/v2/events", params=params).json()["events"]}


def test_a_burst_at_one_instant_is_delivered_on_the_first_try(stand_in: StandIn, inbox: Inbox) -> None:
    at = next_second()
    items = [{"destination": inbox.url, "headers": {"Upstash-Not-Before": str(at)}, "body": str(n)} for n in range(300)]
    assert len(stand_in.api.call("POST", "/v2/batch", json=items).json()) == 300
    deliveries = inbox.wait(300)
    assert {delivery.body for delivery in deliveries} == {str(n).encode() for n in range(300)}
    assert min(delivery.at for delivery in deliveries) >= at
    assert {delivery.retried for delivery in deliveries} == {0}


def outcome(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=DEADLINE)
    return process.returncode, err


def test_a_busy_port_is_reported_in_one_line(stand_in: StandIn, tmp_path: Path) -> None:
    port = int(stand_in.url.rpartition(":")[2])
    code, err = outcome(spawn(tmp_path / "other.sqlite", port=port))
    assert code == 1
    assert err.count("\n") == 1
    assert f"127.0.0.1:{port}" in err


def test_a_second_process_on_the_same_data_file_fails(stand_in: StandIn) -> None:
    code, err = outcome(spawn(stand_in.data, port=0))
    assert code == 1
    assert err.count("\n") == 1
    assert str(stand_in.data) in err


def test_a_bad_option_is_explained(tmp_path: Path) -> None:
    code, err = outcome(spawn(tmp_path / "messages.sqlite", "--deliver", "nothing", port=0))
    assert code == 2
    assert "nothing is not HOST=URL" in err


def test_the_request_log_has_a_line_per_call_and_delivery(tmp_path: Path, inbox: Inbox) -> None:
    stand_in = StandIn(tmp_path / "messages.sqlite", "--request-log")
    process = stand_in._process
    assert process
    assert process.stdout
    stand_in.api.wait_state(stand_in.api.publish_id(inbox.url), "DELIVERED")
    process.terminate()
    lines = process.communicate(timeout=DEADLINE)[0].splitlines()
    stand_in.close()
    assert any(line.startswith("api") and "/v2/publish/" in line and "201" in line for line in lines)
    assert any(line.startswith("delivery") and inbox.url in line and "200" in line for line in lines)
