"""The gate and the instant: written ahead of it, committed at it, and nobody's answer before somebody's send."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from app.delivery.gate.waiting import Gate
from app.delivery.send import Standing
from app.delivery.settle import Dispatched
from app.domain.ports import Submission
from tests.support.gate_deliveries import EARLY, claims_counted, due_together, results, sent, standing
from tests.support.threads import PATIENCE, until
from tests.support.world import IN_TEN_MINUTES, World

ACCEPTED = Dispatched("dispatched")
A_MOMENT = timedelta(milliseconds=3)
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize("left", [A_MOMENT, MICROSECOND])
def test_nobody_passes_a_moment_before_the_instant(world: World, gate: Gate, left: timedelta):
    group = due_together(world, 3)
    with standing(world, gate, group) as coming, claims_counted() as claims:
        world.clock.set(IN_TEN_MINUTES - left)
        until(lambda: claims.call_count > 0)  # written, and held
        looks = world.clock.looks
        until(lambda: world.clock.looks > looks + 3)  # the gate looks at the clock, and finds it is not time
        assert [each.done() for each in coming] == [False] * 3
        assert world.publisher.submissions == []
        assert [world.read(post).status for post in group] == ["scheduled"] * 3
    assert results(coming) == [ACCEPTED] * 3
    assert [world.reasons(post) for post in group] == [["created", "scheduled", "claimed"]] * 3
    assert [attempt.lateness_ms for post in group for attempt in world.attempts(post)] == [0.0] * 3


def test_a_claim_that_the_clock_runs_away_from_is_let_go_and_made_again_at_the_instant(world: World, gate: Gate):
    [post] = due_together(world, 1)
    with standing(world, gate, [post]) as coming, claims_counted() as claims:
        world.clock.set(IN_TEN_MINUTES - A_MOMENT)
        until(lambda: claims.call_count > 0)
        world.clock.set(IN_TEN_MINUTES - timedelta(seconds=30))
        until(lambda: len(gate) == 1)  # it stands there as before
        world.overwrite(post, time_zone="Europe/Berlin")  # and nobody is kept from the post
        assert (claims.call_count, coming[0].done(), sent(world)) == (1, False, [])
    assert results(coming) == [ACCEPTED]
    assert (len(world.attempts(post)), sent(world)) == (1, [post.id])


def test_whoever_could_not_be_claimed_ahead_of_the_instant_goes_out_at_it(world: World, gate: Gate):
    group = due_together(world, 2)
    with standing(world, gate, group) as coming:
        world.cut_database(1)
        world.clock.set(IN_TEN_MINUTES - A_MOMENT)
        assert results(coming) == [ACCEPTED] * 2
    assert sent(world) == sorted(post.id for post in group)
    assert [attempt.lateness_ms for post in group for attempt in world.attempts(post)] == [0.0] * 2


def test_a_group_that_the_gate_let_go_is_no_longer_its_own_to_send(world: World, monkeypatch: pytest.MonkeyPatch):
    gate = Gate(senders=1)  # so that what comes second is sent second
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    first, second = due_together(world, 2)
    end = Standing.end

    def end_slowly(self: Standing, *told: Any, **more: Any) -> None:
        end(self, *told, **more)
        until(lambda: first.id in sent(world))  # it goes out by itself before the gate has gone on

    monkeypatch.setattr(Standing, "end", end_slowly)
    with standing(world, gate, [first]) as coming:
        world.cut_database(1)
    assert results(coming) == [ACCEPTED]
    assert world.dispatch(second) == ACCEPTED
    assert sent(world) == sorted([first.id, second.id])


def test_places_are_given_back_once_by_a_claim_that_was_let_go(world: World, gate: Gate):
    world.with_deps(waiting=threading.BoundedSemaphore(1))
    first, second = due_together(world, 2)
    with standing(world, gate, [first]) as coming:
        world.clock.set(IN_TEN_MINUTES - A_MOMENT)
        until(lambda: len(gate) == 0)
        world.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
        until(lambda: len(gate) == 1)
        assert world.dispatch(second, message_id=second.message_id) == Dispatched("early", "armed_again")
    assert results(coming) == [ACCEPTED]


def test_who_is_done_is_answered_after_whoever_is_still_to_be_sent(world: World):
    gate = Gate(senders=1)
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    settled, answered_early = threading.Event(), threading.Event()
    group = due_together(world, 3)

    def during(submission: Submission) -> None:
        if len(world.publisher.submissions) == 2:  # the second of three, so that one is still to come
            until(lambda: any(world.outcomes(post) == ["accepted"] for post in group))
            settled.set()
            if any(each.done() for each in coming):
                answered_early.set()

    world.publisher.during_send = during
    with standing(world, gate, group) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 3
    assert (settled.is_set(), answered_early.is_set()) == (True, False)


def test_no_answer_waits_for_longer_than_a_second_however_busy_the_gate_is(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.delivery.gate.waiting.LONGEST_SILENCE_SECONDS", 0.0)
    monkeypatch.setattr(
        "app.delivery.gate.waiting.HELD_UP_AFTER_SECONDS", 2.0 * PATIENCE
    )  # no help for the one who sends
    gate = Gate(senders=1)
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    group = due_together(world, 3)

    def during(submission: Submission) -> None:
        if len(world.publisher.submissions) == 2:
            until(lambda: any(each.done() for each in coming))

    world.publisher.during_send = during
    with standing(world, gate, group) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 3


def test_there_is_an_open_connection_for_each_who_will_send_at_once(world: World):
    gate = Gate(senders=2)
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    with standing(world, gate, due_together(world, 1)) as coming:
        assert world.publisher.warmed_together == 1
    results(coming)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    with standing(world, gate, due_together(world, 4)) as coming:
        assert world.publisher.warmed_together == 2
    assert results(coming) == [ACCEPTED] * 4
