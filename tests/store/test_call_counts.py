"""Counts of calls: added up over processes, and never in a caller's way."""

from collections.abc import Sequence

import pytest

from app.adapters.counted import CountedMessages
from app.domain.ports import MessageServiceError
from app.domain.webhooks import EventMessage
from app.store.engine import Database, make_engine
from app.store.operations import call_counts
from app.store.operations.call_counts import CallCounts
from tests.support.fakes import FakeMessages
from tests.support.world import World


@pytest.fixture
def db(database_url: str) -> Database:
    return Database(make_engine(database_url))


def stored(db: Database) -> dict[tuple[str, str], int]:
    with db.reading() as connection:
        return call_counts.read(connection)


def test_counts_of_several_processes_add_up(db: Database):
    one, other = CallCounts(db), CallCounts(db)
    one.add("calls", "ok", 3)
    other.add("calls", "ok", 4)
    one.add("calls", "ok", 2)  # within FLUSH_SECONDS, so it waits
    assert stored(db) == {("calls", "ok"): 7}
    one.flush()
    one.flush()
    assert stored(db) == {("calls", "ok"): 9}


def test_counts_wait_while_the_database_is_away():
    away = CallCounts(Database(make_engine("postgresql://nobody@127.0.0.1:1/nothing")))
    away.add("calls", "ok")
    away.flush()


def test_counts_taken_in_vain_are_stored_later(db: Database, monkeypatch: pytest.MonkeyPatch):
    counts = CallCounts(db)
    with monkeypatch.context() as broken:
        broken.setattr(db, "transaction", lambda: 1 / 0)
        counts.add("calls", "ok", 5)
    assert stored(db) == {}
    counts.flush()
    assert stored(db) == {("calls", "ok"): 5}


class Service(FakeMessages):
    """QStash, for alarms and for events."""

    def publish_events(self, messages: Sequence[EventMessage]) -> list[str | MessageServiceError]:
        return [MessageServiceError("refused", "simulated refusal"), *(["msg_event"] * (len(messages) - 1))]


def test_messages_are_counted_by_their_result_and_errors_pass(sqlite_url: str):
    world = World(sqlite_url)
    seen: list[tuple[str, str, int]] = []
    fake = Service()
    counted = CountedMessages(fake, lambda *count: seen.append(count))
    world.with_deps(messages=counted)
    post = world.scheduled()
    assert world.read(post).message_id is not None
    fake.publish_error, fake.cancel_error = "quota_exceeded", "unreachable"
    world.scheduled()
    with pytest.raises(MessageServiceError, match="unreachable"):
        counted.cancel("msg_1")
    messages, calls = "qstash_messages", "qstash_calls"
    assert seen == [(messages, "ok", 1), (messages, "quota_exceeded", 1), (calls, "unreachable", 1)]
    seen.clear()
    counted.publish_events([EventMessage(f"event {number}", "endpoint", 1) for number in range(3)])
    assert seen == [(messages, "ok", 2), (messages, "refused", 1)]
    world.close()
