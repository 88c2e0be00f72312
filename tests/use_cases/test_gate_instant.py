"""The gate and the due instant: claims are written early, committed at the instant, answered after the sends."""

import threading
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest

from app.delivery.gate.gate import Gate
from app.domain.delivery import Dispatched
from app.domain.ports import Submission
from app.domain.seats import Seats
from tests.support.gate_deliveries import (
    EARLY,
    count_claims,
    posts_due_together,
    results,
    sent_post_ids,
    waiting_at_gate,
)
from tests.support.threads import TIMEOUT_SECONDS, wait_until
from tests.support.world import IN_TEN_MINUTES, World

ACCEPTED = Dispatched("dispatched")
A_MOMENT = timedelta(milliseconds=3)
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize("left", [A_MOMENT, MICROSECOND])
def test_no_delivery_passes_before_the_instant(world: World, gate: Gate, left: timedelta):
    group = posts_due_together(world, 3)
    with waiting_at_gate(world, gate, group) as coming, count_claims() as claims:
        world.clock.set(IN_TEN_MINUTES - left)
        wait_until(lambda: claims.call_count > 0)  # the claim is written and not yet committed
        calls_before = world.clock.now_calls
        wait_until(lambda: world.clock.now_calls > calls_before + 3)  # the gate keeps reading the clock
        assert [each.done() for each in coming] == [False] * 3
        assert world.publisher.submissions == []
        assert [world.read(post).status for post in group] == ["scheduled"] * 3
    assert results(coming) == [ACCEPTED] * 3
    assert [world.reasons(post) for post in group] == [["created", "scheduled", "claimed"]] * 3
    assert [attempt.lateness_ms for post in group for attempt in world.attempts(post)] == [0.0] * 3


def test_claim_is_rolled_back_and_repeated_if_the_clock_is_set_back(world: World, gate: Gate):
    [post] = posts_due_together(world, 1)
    with waiting_at_gate(world, gate, [post]) as coming, count_claims() as claims:
        world.clock.set(IN_TEN_MINUTES - A_MOMENT)
        wait_until(lambda: claims.call_count > 0)
        world.clock.set(IN_TEN_MINUTES - timedelta(seconds=30))
        wait_until(lambda: len(gate) == 1)  # the delivery waits at the gate again
        world.overwrite(post, time_zone="Europe/Berlin")  # the rolled-back claim leaves the post unlocked
        assert (claims.call_count, coming[0].done(), sent_post_ids(world)) == (1, False, [])
    assert results(coming) == [ACCEPTED]
    assert (len(world.attempts(post)), sent_post_ids(world)) == (1, [post.id])


def test_posts_that_could_not_be_claimed_early_are_sent_at_the_instant(world: World, gate: Gate):
    group = posts_due_together(world, 2)
    with waiting_at_gate(world, gate, group) as coming:
        world.fail_transactions(1)
        world.clock.set(IN_TEN_MINUTES - A_MOMENT)
        assert results(coming) == [ACCEPTED] * 2
    assert sent_post_ids(world) == sorted(post.id for post in group)
    assert [attempt.lateness_ms for post in group for attempt in world.attempts(post)] == [0.0] * 2


def test_gate_does_not_send_a_group_it_released(world: World, monkeypatch: pytest.MonkeyPatch):
    gate = Gate(senders=1)  # one sender keeps the order
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    first, second = posts_due_together(world, 2)
    set_result = Future.set_result

    def set_result_slowly(self: "Future[Any]", result: Any) -> None:
        set_result(self, result)
        if result is None:  # the gate releases the delivery
            wait_until(lambda: first.id in sent_post_ids(world))  # the delivery is sent alone before the gate goes on

    monkeypatch.setattr(Future, "set_result", set_result_slowly)
    with waiting_at_gate(world, gate, [first]) as coming:
        world.fail_transactions(1)
    assert results(coming) == [ACCEPTED]
    assert world.dispatch(second) == ACCEPTED
    assert sent_post_ids(world) == sorted([first.id, second.id])


def test_claim_rolled_back_before_the_instant_releases_its_seat_once(world: World, gate: Gate):
    world.with_deps(seats=Seats(1))
    first, second = posts_due_together(world, 2)
    with waiting_at_gate(world, gate, [first]) as coming, count_claims() as claims:
        world.clock.set(IN_TEN_MINUTES - A_MOMENT)
        wait_until(lambda: claims.call_count > 0)  # the early claim is held for 50 ms at most
        world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
        wait_until(lambda: len(gate) == 1)
        assert world.dispatch(second, message_id=second.message_id) == Dispatched("early", "armed_again")
    assert results(coming) == [ACCEPTED]


def test_settled_delivery_is_answered_after_the_last_send_of_its_group(world: World, monkeypatch: pytest.MonkeyPatch):
    # However long the second send takes, no reply falls due and no sender is added meanwhile.
    monkeypatch.setattr("app.delivery.gate.replies.MAX_REPLY_DELAY_SECONDS", 2.0 * TIMEOUT_SECONDS)
    monkeypatch.setattr("app.delivery.gate.senders.STALLED_AFTER_SECONDS", 2.0 * TIMEOUT_SECONDS)
    gate = Gate(senders=1)
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    settled, answered_early = threading.Event(), threading.Event()
    group = posts_due_together(world, 3)

    def during(submission: Submission) -> None:
        if len(world.publisher.submissions) == 2:  # the second of three, so one is still unsent
            wait_until(lambda: any(world.outcomes(post) == ["accepted"] for post in group))
            settled.set()
            if any(each.done() for each in coming):
                answered_early.set()

    world.publisher.during_send = during
    with waiting_at_gate(world, gate, group) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 3
    assert (settled.is_set(), answered_early.is_set()) == (True, False)


def test_reply_delay_is_bounded_while_the_gate_is_busy(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.delivery.gate.replies.MAX_REPLY_DELAY_SECONDS", 0.0)
    # No sender is added meanwhile, so the only sender stays busy.
    monkeypatch.setattr("app.delivery.gate.senders.STALLED_AFTER_SECONDS", 2.0 * TIMEOUT_SECONDS)
    gate = Gate(senders=1)
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    group = posts_due_together(world, 3)

    def during(submission: Submission) -> None:
        if len(world.publisher.submissions) == 2:
            wait_until(lambda: any(each.done() for each in coming))

    world.publisher.during_send = during
    with waiting_at_gate(world, gate, group) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 3


def test_one_warm_connection_per_concurrent_sender(world: World):
    gate = Gate(senders=2)
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    with waiting_at_gate(world, gate, posts_due_together(world, 1)) as coming:
        assert world.publisher.max_warm_count == 1
    results(coming)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    first, *others = posts_due_together(world, 4)
    # The first one waits alone, so that the others find the gate occupied and warm a second connection.
    with waiting_at_gate(world, gate, [first]) as one, waiting_at_gate(world, gate, others) as more:
        assert world.publisher.max_warm_count == 2
    assert results([*one, *more]) == [ACCEPTED] * 4
