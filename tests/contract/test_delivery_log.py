"""Our adapter's question about a delivery, against the server's own log."""

import time
from datetime import UTC, datetime, timedelta

from tests.adapters.qstash_fixtures import messages
from tests.contract.support import Api, Inbox, next_second


def test_acknowledged_message_has_its_instant_of_delivery(api: Api, inbox: Inbox) -> None:
    before = datetime.now(UTC)
    message_id = api.publish_id(inbox.url)
    api.wait_state(message_id, "DELIVERED")
    found = messages(api.url, qstash_token=api.token).delivered_at(message_id)
    assert found is not None
    assert before - timedelta(seconds=1) <= found <= datetime.now(UTC) + timedelta(seconds=1)


def test_pending_cancelled_and_unknown_messages_have_none(api: Api, inbox: Inbox) -> None:
    adapter = messages(api.url, qstash_token=api.token)
    pending, cancelled = (api.publish_id(inbox.url, Not_Before=str(next_second() + 3600)) for _ in range(2))
    assert adapter.cancel(cancelled)
    for message_id in (pending, cancelled, f"msg_{time.time_ns()}"):
        assert adapter.delivered_at(message_id) is None
    adapter.cancel(pending)


def test_cancelled_messages_are_listed_since_an_instant(api: Api, inbox: Inbox) -> None:
    adapter, before = messages(api.url, qstash_token=api.token), datetime.now(UTC) - timedelta(seconds=1)
    pending, cancelled = (api.publish_id(inbox.url, Not_Before=str(next_second() + 3600)) for _ in range(2))
    assert adapter.cancel(cancelled)
    api.wait_state(cancelled, "CANCELED")
    found = adapter.cancelled_since(before)
    assert cancelled in found
    assert pending not in found
    assert cancelled not in adapter.cancelled_since(datetime.now(UTC) + timedelta(seconds=1))
    adapter.cancel(pending)
