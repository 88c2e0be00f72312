"""A delivery alone does the rest of its claim, send and settle, and nothing twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import pytest

from app.delivery import alone
from app.delivery.alone import deliver_alone
from app.deps import Deps
from app.domain.breaker import Breaker
from app.domain.delivery import Dispatched, ReadyDelivery
from app.domain.in_flight import InFlight
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Post
from tests.support.fakes import FakeClock

DEPS = cast(Deps, SimpleNamespace(in_flight=InFlight(), clock=FakeClock()))
NOW = datetime(2026, 3, 2, tzinfo=UTC)
CLAIMED = cast(Post, SimpleNamespace(id="claimed"))
VERDICT = Verdict(Outcome.ACCEPTED)
SETTLED, UNSENT, LOST = Dispatched("dispatched"), Dispatched("failed", "missed"), Dispatched("ignored", "busy")


class Steps:
    """Stand-ins for claim, send and settle."""

    def __init__(self) -> None:
        self.lost: Dispatched | None = None
        self.sent_at: datetime | None = NOW
        self.calls: list[Any] = []

    def claim(self, deps: Deps, group: list[ReadyDelivery]) -> list[Dispatched | None]:
        self.calls.append(("claim", deps, *group))
        group[0].claimed = CLAIMED if self.lost is None else None
        return [self.lost]

    def send(self, deps: Deps, delivery: ReadyDelivery) -> None:
        self.calls.append(("send", deps, delivery))
        delivery.verdict, delivery.sent_at, delivery.answered_at = VERDICT, self.sent_at, self.sent_at


@pytest.fixture
def steps() -> Iterator[Steps]:
    made = Steps()
    settle, unsent = mock.Mock(return_value=SETTLED), mock.Mock(return_value=UNSENT)
    with mock.patch.multiple(alone, claim=made.claim, send=made.send, settle=settle, settle_unsent=unsent):
        made.settle, made.unsent = settle, unsent  # type: ignore[attr-defined]
        yield made


def delivery() -> ReadyDelivery:
    post = cast(Post, SimpleNamespace(id="1", user_id="user-1"))
    return ReadyDelivery(post, NOW, "message", None, "", Breaker(failures=2))


def assert_settled(steps: Any, result: object) -> None:
    assert result == SETTLED
    given = {"sent_at": NOW, "answered_at": NOW, "circuit": Breaker(failures=2)}
    assert steps.settle.mock_calls == [mock.call(DEPS, CLAIMED, VERDICT, **given)]
    assert steps.unsent.mock_calls == []


def test_due_delivery_is_claimed_sent_and_settled(steps: Steps):
    one = delivery()
    assert_settled(steps, deliver_alone(DEPS, one))
    assert steps.calls == [("claim", DEPS, one), ("send", DEPS, one)]


def test_lost_delivery_is_not_sent(steps: Steps):
    steps.lost = LOST
    assert deliver_alone(DEPS, delivery()) == LOST
    assert [call[0] for call in steps.calls] == ["claim"]


def test_claimed_delivery_is_sent_without_another_claim(steps: Steps):
    one = delivery()
    one.claimed = CLAIMED
    assert_settled(steps, deliver_alone(DEPS, one))
    assert [call[0] for call in steps.calls] == ["send"]


def test_sent_delivery_is_settled_without_another_send(steps: Steps):
    one = delivery()
    one.claimed, one.verdict, one.sent_at, one.answered_at = CLAIMED, VERDICT, NOW, NOW
    assert_settled(steps, deliver_alone(DEPS, one))
    assert steps.calls == []


def test_unsent_delivery_is_settled_as_unsent(steps: Any):
    steps.sent_at = None
    assert deliver_alone(DEPS, delivery()) == UNSENT
    assert (steps.unsent.mock_calls, steps.settle.mock_calls) == ([mock.call(DEPS, CLAIMED, VERDICT)], [])
