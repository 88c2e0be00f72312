"""The gate: many deliveries at one instant follow the rules of a single one."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest

from app.delivery.gate.gate import Gate
from app.delivery.gate.waiting import MAX_GROUP
from app.domain.delivery import Dispatched
from app.domain.errors import Unavailable
from app.domain.ports import Reply, Submission
from app.domain.post import Post
from app.domain.seats import Seats
from app.posts import schedule
from app.store.posts import transitions
from tests.support.fakes import answered, not_sent, unknown
from tests.support.gate_deliveries import (
    EARLY,
    count_claims,
    posts_due_together,
    results,
    sent_post_ids,
    waiting_at_gate,
)
from tests.support.threads import TIMEOUT_SECONDS, wait_until
from tests.support.world import IN_TEN_MINUTES, USER, World

ACCEPTED = Dispatched("dispatched")


def test_due_group_is_claimed_in_one_call_and_each_post_is_sent_once(world: World, gate: Gate):
    group = posts_due_together(world, MAX_GROUP)
    with count_claims() as claims:
        with waiting_at_gate(world, gate, group) as coming:
            assert world.publisher.submissions == []
        assert results(coming) == [ACCEPTED] * MAX_GROUP
    assert claims.call_count == 1
    assert sent_post_ids(world) == sorted(post.id for post in group)
    for post in group:
        now = world.read(post)
        assert (now.status, now.attempt, now.lease_until is not None) == ("publishing", 1, True)
        assert world.reasons(post) == ["created", "scheduled", "claimed"]
        [attempt] = world.attempts(post)
        assert (attempt.outcome, attempt.http_status, attempt.finished_at) == ("accepted", 200, None)
        assert (attempt.sent_at, attempt.lateness_ms) == (IN_TEN_MINUTES, 0.0)


def test_later_instant_does_not_delay_an_earlier_one(world: World, gate: Gate):
    late, soon = world.scheduled(IN_TEN_MINUTES + timedelta(seconds=1)), world.scheduled(IN_TEN_MINUTES)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(world.dispatch, late)
        wait_until(lambda: len(gate) == 1)
        second = pool.submit(world.dispatch, soon)
        wait_until(lambda: len(gate) == 2)
        world.clock.set(IN_TEN_MINUTES)
        assert second.result(TIMEOUT_SECONDS) == ACCEPTED
        assert (first.done(), sent_post_ids(world)) == (False, [soon.id])
        world.clock.set(IN_TEN_MINUTES + timedelta(seconds=1))
        assert first.result(TIMEOUT_SECONDS) == ACCEPTED


def test_due_duplicates_share_the_place_of_the_first_delivery_and_are_ignored(world: World, gate: Gate):
    [post] = posts_due_together(world, 1)
    group_read, all_came = threading.Event(), threading.Event()

    def hold() -> None:
        group_read.set()
        assert all_came.wait(TIMEOUT_SECONDS)

    with waiting_at_gate(world, gate, [post]) as coming, ThreadPoolExecutor(2) as pool, count_claims() as claims:
        world.at_next_transaction(hold)
        world.clock.set(IN_TEN_MINUTES)
        assert group_read.wait(TIMEOUT_SECONDS)
        duplicates = [pool.submit(world.dispatch, post) for _ in range(2)]
        wait_until(lambda: gate.duplicates(post) == 2)
        all_came.set()
        assert results(duplicates) == [Dispatched("ignored", "busy")] * 2
        assert claims.call_count == 1
    assert results(coming) == [ACCEPTED]
    assert sent_post_ids(world) == [post.id]
    assert len(world.attempts(post)) == 1


def test_newer_generation_is_sent_if_two_are_in_one_group(world: World, gate: Gate):
    [old] = posts_due_together(world, 1)
    with waiting_at_gate(world, gate, [old]) as coming, ThreadPoolExecutor(1) as pool:
        new = world.schedule(old, IN_TEN_MINUTES).post
        newer = pool.submit(world.dispatch, new)
        wait_until(lambda: len(gate) == 2)
        world.clock.set(IN_TEN_MINUTES)
    assert results([*coming, newer]) == [Dispatched("ignored", "busy"), ACCEPTED]
    assert sent_post_ids(world) == [old.id]


@pytest.mark.parametrize("act", [schedule.unschedule, schedule.cancel])
def test_post_unscheduled_or_cancelled_at_the_gate_is_not_sent(world: World, gate: Gate, act: Callable[..., Post]):
    kept, withdrawn = posts_due_together(world, 2)
    with waiting_at_gate(world, gate, [kept, withdrawn]) as coming:
        act(world.deps, USER, withdrawn.id)
    assert results(coming) == [ACCEPTED, Dispatched("ignored", "busy")]
    assert sent_post_ids(world) == [kept.id]


def test_edit_while_waiting_at_the_gate_is_in_the_send(world: World, gate: Gate):
    [post] = posts_due_together(world, 1)
    with waiting_at_gate(world, gate, [post]), world.db.transaction() as tx:
        assert transitions.edit(tx, world.read(post), {"content": "Edited"}, now=world.clock.now()) is not None
    assert [submission.content for submission in world.publisher.submissions] == ["Edited"]


def test_token_replaced_while_waiting_at_the_gate_is_sent(world: World, gate: Gate):
    group = posts_due_together(world, 2)
    with waiting_at_gate(world, gate, group) as coming:
        world.connect(token="token-2")
    assert results(coming) == [ACCEPTED] * 2
    assert {submission.access_token for submission in world.publisher.submissions} == {"token-2"}


def test_post_without_account_fails_and_the_rest_of_its_group_is_sent(world: World, gate: Gate):
    fine, orphan = posts_due_together(world, 2)
    world.overwrite(orphan, social_account_id=None)
    with waiting_at_gate(world, gate, [fine, orphan]) as coming:
        pass
    assert results(coming) == [ACCEPTED, Dispatched("failed", "account_missing")]
    assert sent_post_ids(world) == [fine.id]
    assert world.attempts(orphan)[0].sent_at is None


def test_delivery_without_a_seat_is_rearmed_and_the_others_are_sent(world: World, gate: Gate):
    world.with_deps(seats=Seats(2))
    first, second, third = posts_due_together(world, 3)
    with waiting_at_gate(world, gate, [first, second]) as coming:
        assert world.dispatch(third, message_id=third.message_id) == Dispatched("early", "armed_again")
    assert results(coming) == [ACCEPTED] * 2
    assert world.dispatch(third) == ACCEPTED  # both seats are free again
    assert sent_post_ids(world) == sorted([first.id, second.id, third.id])


@pytest.mark.parametrize(
    ("reply", "result", "status"),
    [
        (answered(503), Dispatched("retry_scheduled", "publisher_error"), "scheduled"),
        (answered(400), Dispatched("failed", "rejected_by_publisher"), "failed"),
        (not_sent(), Dispatched("retry_scheduled", "publisher_unreachable"), "scheduled"),
        (unknown(), Dispatched("dispatched", "unknown"), "publishing"),
    ],
)
def test_each_post_of_a_group_gets_its_own_outcome(
    world: World, gate: Gate, reply: Reply, result: Dispatched, status: str
):
    fine, other = posts_due_together(world, 2)

    def by_post(submission: Submission) -> Reply:
        return reply if submission.post_id == other.id else answered(202)

    world.publisher.answers(by_post, by_post)
    with waiting_at_gate(world, gate, [fine, other]) as coming:
        pass
    assert [each.status for each in results(coming)] == ["dispatched", result.status]
    assert results(coming)[1] == result
    assert [world.read(post).status for post in (fine, other)] == ["publishing", status]
    assert world.attempts(fine)[0].http_status == 202


def test_report_received_before_the_settle_is_not_overwritten(world: World, gate: Gate):
    group = posts_due_together(world, 3)
    reported = group[1]

    def report(submission: Submission) -> None:
        if submission.post_id == reported.id:
            world.report_published(world.read(reported), urn="urn:li:share:7")

    world.publisher.during_send = report
    with waiting_at_gate(world, gate, group) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 3
    now = world.read(reported)
    assert (now.status, now.external_post_id, now.lateness_ms) == ("published", "urn:li:share:7", 0.0)
    assert world.outcomes(reported) == ["published"]
    assert [world.outcomes(post) for post in (group[0], group[2])] == [["accepted"]] * 2


def test_accepted_send_resets_the_breakers_failure_count(world: World, gate: Gate):
    world.publisher.answers(answered(503))
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(world.scheduled(IN_TEN_MINUTES)).status == "retry_scheduled"
    assert world.circuit().failures == 1
    world.clock.set(IN_TEN_MINUTES - EARLY)
    group = posts_due_together(world, 3)
    with waiting_at_gate(world, gate, group) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 3
    assert world.circuit().failures == 0


def test_delivery_sends_itself_while_n8n_blocks_every_sender(world: World):
    gate = Gate(senders=1)
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    slow, quick = posts_due_together(world, 2)
    answer = threading.Event()
    begun = threading.Event()

    def during(submission: Submission) -> None:
        if submission.post_id == slow.id:
            begun.set()
            assert answer.wait(TIMEOUT_SECONDS)

    world.publisher.during_send = during
    with ThreadPoolExecutor(2) as pool:
        world.clock.set(IN_TEN_MINUTES)
        held = pool.submit(world.dispatch, slow)
        assert begun.wait(TIMEOUT_SECONDS)
        assert pool.submit(world.dispatch, quick).result(TIMEOUT_SECONDS) == ACCEPTED
        assert not held.done()
        answer.set()
        assert held.result(TIMEOUT_SECONDS) == ACCEPTED
    assert sent_post_ids(world) == sorted([slow.id, quick.id])


def test_database_failure_at_the_group_claim_loses_no_post(world: World, gate: Gate):
    group = posts_due_together(world, 4)
    with waiting_at_gate(world, gate, group) as coming:
        world.fail_transactions(1)
    assert results(coming) == [ACCEPTED] * 4
    assert sent_post_ids(world) == sorted(post.id for post in group)


def test_delivery_that_could_not_be_claimed_can_be_dispatched_again(world: World, gate: Gate):
    group = posts_due_together(world, 2)
    with waiting_at_gate(world, gate, group) as coming:
        world.fail_transactions(3)  # the group's claim and both single claims
    for each in coming:
        with pytest.raises(Unavailable):
            each.result(TIMEOUT_SECONDS)
    assert (sent_post_ids(world), [world.read(post).status for post in group]) == ([], ["scheduled"] * 2)
    assert [world.dispatch(post) for post in group] == [ACCEPTED] * 2


def test_database_failure_at_the_group_settle_makes_each_post_settle_alone(world: World, gate: Gate):
    group = posts_due_together(world, 3)
    all_sent = threading.Barrier(3, action=partial(world.fail_transactions, 1))
    world.publisher.during_send = lambda _submission: all_sent.wait(TIMEOUT_SECONDS) and None
    with waiting_at_gate(world, gate, group) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 3
    assert [world.outcomes(post) for post in group] == [["accepted"]] * 3


def test_exception_in_one_send_does_not_affect_the_rest_of_its_group(world: World, gate: Gate):
    fine, broken = posts_due_together(world, 2)

    def fail_broken(submission: Submission) -> None:
        if submission.post_id == broken.id:
            raise RuntimeError("simulated failure")

    world.publisher.during_send = fail_broken
    with waiting_at_gate(world, gate, [fine, broken]) as coming:
        pass
    assert coming[0].result(TIMEOUT_SECONDS) == ACCEPTED
    with pytest.raises(RuntimeError):
        coming[1].result(TIMEOUT_SECONDS)
    assert world.read(broken).status == "publishing"  # the sweep decides after the lease


def test_process_frozen_past_its_lease_sends_nothing(world: World, gate: Gate):
    group = posts_due_together(world, 2)
    with waiting_at_gate(world, gate, group) as coming:
        world.at_next_commit(lambda: world.clock.advance(seconds=world.deps.settings.publish_lease_seconds))
    assert results(coming) == [Dispatched("retry_scheduled")] * 2
    assert sent_post_ids(world) == []
    assert [world.outcomes(post) for post in group] == [["not_sent"]] * 2


def test_more_posts_than_the_group_limit_are_claimed_in_several_groups(
    world: World, gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("app.delivery.gate.waiting.MAX_GROUP", 4)
    group = posts_due_together(world, 10)
    with count_claims() as claims:
        with waiting_at_gate(world, gate, group) as coming:
            pass
        assert results(coming) == [ACCEPTED] * 10
    assert claims.call_count == 3
    assert sent_post_ids(world) == sorted(post.id for post in group)
