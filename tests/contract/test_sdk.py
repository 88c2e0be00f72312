"""The SDK's own client against the server, one call after another."""

import time

import pytest
from qstash.errors import QStashError
from qstash.log import LogState
from qstash.message import BatchJsonRequest, BatchResponse, PublishResponse

from tests.contract.support import Api, Destination, Inbox, next_second

HOUR = 3600


def publish(api: Api, inbox: Inbox, **options: object) -> str:
    answer = api.sdk.message.publish_json(url=inbox.url, body={"postId": "p1"}, **options)  # type: ignore[arg-type]
    assert isinstance(answer, PublishResponse)
    assert not answer.deduplicated
    return answer.message_id


def states(api: Api, message_id: str) -> list[LogState]:
    logs = api.sdk.log.list(filter={"message_id": message_id}).logs
    return [log.state for log in reversed(logs)]


def test_a_message_without_a_delay_is_delivered_immediately(api: Api, inbox: Inbox) -> None:
    message_id = publish(api, inbox, headers={"X-Custom": "yes"})
    [delivery] = inbox.wait()
    assert delivery.message_id == message_id
    assert delivery.body == b'{"postId": "p1"}'
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.headers["x-custom"] == "yes"


def test_a_message_is_delivered_after_its_delay(api: Api, inbox: Inbox) -> None:
    before = time.time()
    publish(api, inbox, delay="1s")
    [delivery] = inbox.wait()
    assert delivery.at >= before + 0.999


def test_a_pending_message_shows_its_published_options(api: Api, inbox: Inbox) -> None:
    at = next_second() + HOUR
    message_id = publish(api, inbox, not_before=at, retries=2, label="post-1", callback=inbox.url, timeout="30s")
    message = api.sdk.message.get(message_id)
    assert (message.message_id, message.url, message.method) == (message_id, inbox.url, "POST")
    assert (message.body, message.max_retries, message.not_before) == ('{"postId": "p1"}', 2, at * 1000)
    assert (message.label, message.callback) == ("post-1", inbox.url)
    assert abs(message.created_at / 1000 - time.time()) < 5
    assert message.headers
    assert message.headers["Content-Type"] == ["application/json"]
    api.sdk.message.cancel(message_id)


def test_a_delivered_message_answers_404(api: Api, inbox: Inbox) -> None:
    message_id = publish(api, inbox)
    api.wait_state(message_id, "DELIVERED")
    with pytest.raises(QStashError, match="404"):
        api.sdk.message.get(message_id)


def test_a_cancelled_message_is_never_delivered(api: Api, destination: Destination) -> None:
    cancelled, later = destination.inbox(), destination.inbox()
    at = next_second(2.0)
    message_id = publish(api, cancelled, not_before=at)
    api.sdk.message.cancel(message_id)
    publish(api, later, not_before=at + 1)
    later.wait()
    assert cancelled.deliveries == []
    assert states(api, message_id)[0] is LogState.CREATED
    assert states(api, message_id)[-1] is LogState.CANCELED
    with pytest.raises(QStashError, match="404"):
        api.sdk.message.cancel(message_id)


def test_cancel_many_returns_the_number_of_cancelled_messages(api: Api, inbox: Inbox) -> None:
    at = next_second() + HOUR
    ids = [publish(api, inbox, not_before=at) for _ in range(3)]
    assert api.sdk.message.cancel_many([*ids[:2], "msg_unknown"]) == 2
    assert api.sdk.message.get(ids[2]).message_id == ids[2]
    assert api.sdk.message.cancel_many(ids) == 1


def test_a_batch_answers_in_order(api: Api, destination: Destination) -> None:
    inboxes = [destination.inbox() for _ in range(3)]
    batch: list[BatchJsonRequest] = [
        {"url": inbox.url, "body": {"n": n}, "label": f"n{n}"} for n, inbox in enumerate(inboxes)
    ]
    answers = api.sdk.message.batch_json(batch)
    for n, (answer, inbox) in enumerate(zip(answers, inboxes, strict=True)):
        [delivery] = inbox.wait()
        assert isinstance(answer, BatchResponse)
        assert (delivery.message_id, delivery.body) == (answer.message_id, b'{"n": %d}' % n)
        assert delivery.headers["content-type"] == "application/json"


def test_a_batch_item_keeps_its_retry_delay(api: Api, inbox: Inbox) -> None:
    [answer] = api.sdk.message.batch([{"url": inbox.url, "body": "x", "delay": HOUR, "retry_delay": "1000 * retried"}])
    assert isinstance(answer, BatchResponse)
    assert api.sdk.message.get(answer.message_id).retry_delay_expression == "1000 * retried"
    api.sdk.message.cancel(answer.message_id)


def test_events_show_the_states_of_a_message(api: Api, inbox: Inbox) -> None:
    message_id = publish(api, inbox, label="post-7")
    api.wait_state(message_id, "DELIVERED")
    assert states(api, message_id) == [LogState.CREATED, LogState.ACTIVE, LogState.DELIVERED]
    [log] = api.sdk.log.list(filter={"message_id": message_id, "state": LogState.DELIVERED}).logs
    assert (log.url, log.label) == (inbox.url, "post-7")


def test_events_are_filtered_and_paged(api: Api, destination: Destination) -> None:
    inbox, label = destination.inbox(), f"label-{time.time_ns()}"
    ids = [publish(api, inbox, label=label) for _ in range(4)]
    for message_id in ids:
        api.wait_state(message_id, "DELIVERED")
    by_url = api.sdk.log.list(filter={"url": inbox.url, "state": LogState.CREATED}).logs
    assert [log.message_id for log in by_url] == ids[::-1]

    seen, cursor = [], None
    while True:
        page = api.sdk.log.list(cursor=cursor, count=5, filter={"label": label})
        assert len(page.logs) <= 5
        seen += page.logs
        cursor = page.cursor
        if not cursor:
            break
    assert len(seen) == 12
    assert len({(log.message_id, log.state) for log in seen}) == 12

    now = int(time.time() * 1000)
    assert not api.sdk.log.list(filter={"label": label, "from_time": now + 60_000}).logs
    assert not api.sdk.log.list(filter={"label": label, "to_time": now - 60_000}).logs
    assert len(api.sdk.log.list(filter={"label": label, "from_time": now - 60_000, "to_time": now + 60_000}).logs) == 12


def test_a_dead_letter_can_be_read_and_deleted(api: Api, inbox: Inbox) -> None:
    inbox.always = inbox.always.__class__(500, {"X-Reason": "broken"}, b"no luck")
    message_id = publish(api, inbox, retries=0, label="post-9")
    dlq_id = str(api.dead(message_id)["dlqId"])
    dead = api.sdk.dlq.get(dlq_id)
    assert (dead.message_id, dead.url, dead.label) == (message_id, inbox.url, "post-9")
    assert (dead.response_status, dead.response_body, dead.body) == (500, "no luck", '{"postId": "p1"}')
    assert dead.response_headers
    assert dead.response_headers["X-Reason"] == ["broken"]
    assert [m.dlq_id for m in api.sdk.dlq.list(filter={"label": "post-9", "url": inbox.url}).messages] == [dlq_id]
    api.sdk.dlq.delete(dlq_id)
    with pytest.raises(QStashError, match="404"):
        api.sdk.dlq.get(dlq_id)
    assert api.sdk.dlq.delete_many([dlq_id]) == 0


def test_dead_letters_are_paged_and_deleted_together(api: Api, inbox: Inbox) -> None:
    inbox.always = inbox.always.__class__(500)
    ids = [publish(api, inbox, retries=0) for _ in range(3)]
    dlq_ids = {str(api.dead(message_id)["dlqId"]) for message_id in ids}
    first = api.sdk.dlq.list(count=2, filter={"url": inbox.url})
    assert len(first.messages) == 2
    assert first.cursor
    rest = api.sdk.dlq.list(cursor=first.cursor, count=2, filter={"url": inbox.url})
    assert {message.dlq_id for message in first.messages + rest.messages} == dlq_ids
    assert api.sdk.dlq.delete_many(list(dlq_ids)) == 3
    assert not api.sdk.dlq.list(filter={"url": inbox.url}).messages


def test_the_signing_keys_are_readable(api: Api) -> None:
    keys = api.sdk.signing_key.get()
    assert keys.current
    assert keys.next
    assert keys.current != keys.next


def test_a_schedule_can_be_created_paused_resumed_replaced_and_deleted(api: Api, inbox: Inbox) -> None:
    schedules, schedule_id = api.sdk.schedule, f"sweep-{time.time_ns()}"
    created = schedules.create_json(
        destination=inbox.url, cron="0 0 1 1 *", body={"a": 1}, schedule_id=schedule_id, retries=1
    )
    assert created == schedule_id
    schedule = schedules.get(schedule_id)
    assert (schedule.destination, schedule.cron, schedule.body) == (inbox.url, "0 0 1 1 *", '{"a": 1}')
    assert (schedule.retries, schedule.method, schedule.paused) == (1, "POST", False)
    schedules.pause(schedule_id)
    assert schedules.get(schedule_id).paused
    schedules.resume(schedule_id)
    assert not schedules.get(schedule_id).paused
    schedules.create(destination=inbox.url, cron="CRON_TZ=Europe/Berlin 0 8 * * *", schedule_id=schedule_id)
    [listed] = [one for one in schedules.list() if one.schedule_id == schedule_id]
    assert listed.cron == "CRON_TZ=Europe/Berlin 0 8 * * *"
    schedules.delete(schedule_id)
    with pytest.raises(QStashError, match="404"):
        schedules.get(schedule_id)


def test_a_schedule_without_an_id_gets_one(api: Api, inbox: Inbox) -> None:
    first = api.sdk.schedule.create(destination=inbox.url, cron="0 0 1 1 *")
    second = api.sdk.schedule.create(destination=inbox.url, cron="0 0 1 1 *")
    assert first != second
    for schedule_id in (first, second):
        api.sdk.schedule.delete(schedule_id)
