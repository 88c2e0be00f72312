"""The gate: many deliveries at one instant. What holds for one alone must hold for each of them."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest

from app.delivery.gate.waiting import Gate
from app.delivery.settle import Dispatched
from app.domain.errors import Unavailable
from app.domain.ports import Reply, Submission
from app.domain.post import Post
from app.posts import schedule
from app.store.posts import transitions
from tests.support.fakes import answered, not_sent, unknown
from tests.support.gate_deliveries import EARLY, claims_counted, due_together, results, sent, standing
from tests.support.threads import PATIENCE, until
from tests.support.world import IN_TEN_MINUTES, USER, World

ACCEPTED = Dispatched("dispatched")


def test_all_who_are_due_are_claimed_together_and_each_is_sent_once(world: World, gate: Gate):
    group = due_together(world, 12)
    with claims_counted() as claims:
        with standing(world, gate, group) as coming:
            assert world.publisher.submissions == []
        assert results(coming) == [ACCEPTED] * 12
    assert claims.call_count == 1
    assert sent(world) == sorted(post.id for post in group)
    for post in group:
        now = world.read(post)
        assert (now.status, now.attempt, now.lease_until is not None) == ("publishing", 1, True)
        assert world.reasons(post) == ["created", "scheduled", "claimed"]
        [attempt] = world.attempts(post)
        assert (attempt.outcome, attempt.http_status, attempt.finished_at) == ("accepted", 200, None)
        assert (attempt.sent_at, attempt.lateness_ms) == (IN_TEN_MINUTES, 0.0)


def test_a_nearer_instant_is_not_kept_waiting_by_a_farther_one(world: World, gate: Gate):
    late, soon = world.scheduled(IN_TEN_MINUTES + timedelta(seconds=1)), world.scheduled(IN_TEN_MINUTES)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(world.dispatch, late)
        until(lambda: len(gate) == 1)
        second = pool.submit(world.dispatch, soon)
        until(lambda: len(gate) == 2)
        world.clock.set(IN_TEN_MINUTES)
        assert second.result(PATIENCE) == ACCEPTED
        assert (first.done(), sent(world)) == (False, [soon.id])
        world.clock.set(IN_TEN_MINUTES + timedelta(seconds=1))
        assert first.result(PATIENCE) == ACCEPTED


def test_two_deliveries_of_one_message_in_one_group_are_one_send(world: World, gate: Gate):
    [post] = due_together(world, 1)
    with standing(world, gate, [post, post, post]) as coming:
        pass
    assert sorted(result.status for result in results(coming)) == ["dispatched", "ignored", "ignored"]
    assert sent(world) == [post.id]
    assert len(world.attempts(post)) == 1


def test_of_two_generations_in_one_group_the_newer_one_goes_out(world: World, gate: Gate):
    [old] = due_together(world, 1)
    with standing(world, gate, [old]) as coming, ThreadPoolExecutor(1) as pool:
        new = world.schedule(old, IN_TEN_MINUTES).post
        newer = pool.submit(world.dispatch, new)
        until(lambda: len(gate) == 2)
        world.clock.set(IN_TEN_MINUTES)
    assert results([*coming, newer]) == [Dispatched("ignored", "busy"), ACCEPTED]
    assert sent(world) == [old.id]


@pytest.mark.parametrize("act", [schedule.unschedule, schedule.cancel])
def test_what_is_called_off_while_it_stands_there_is_not_sent(world: World, gate: Gate, act: Callable[..., Post]):
    stays, goes = due_together(world, 2)
    with standing(world, gate, [stays, goes]) as coming:
        act(world.deps, USER, goes.id)
    assert results(coming) == [ACCEPTED, Dispatched("ignored", "busy")]
    assert sent(world) == [stays.id]


def test_an_edit_answered_while_the_post_stands_there_is_in_the_send(world: World, gate: Gate):
    [post] = due_together(world, 1)
    with standing(world, gate, [post]), world.db.transaction() as tx:
        assert transitions.edit(tx, world.read(post), {"content": "Edited"}, now=world.clock.now()) is not None
    assert [submission.content for submission in world.publisher.submissions] == ["Edited"]


def test_a_token_that_came_while_the_post_stands_there_is_the_one_that_is_sent(world: World, gate: Gate):
    group = due_together(world, 2)
    with standing(world, gate, group) as coming:
        world.connect(token="token-2")
    assert results(coming) == [ACCEPTED] * 2
    assert {submission.access_token for submission in world.publisher.submissions} == {"token-2"}


def test_a_post_that_cannot_be_sent_fails_beside_those_that_can(world: World, gate: Gate):
    fine, orphan = due_together(world, 2)
    world.overwrite(orphan, social_account_id=None)
    with standing(world, gate, [fine, orphan]) as coming:
        pass
    assert results(coming) == [ACCEPTED, Dispatched("failed", "account_missing")]
    assert sent(world) == [fine.id]
    assert world.attempts(orphan)[0].sent_at is None


def test_who_finds_no_room_to_wait_is_armed_anew_and_the_others_go_on(world: World, gate: Gate):
    world.with_deps(waiting=threading.BoundedSemaphore(2))
    first, second, third = due_together(world, 3)
    with standing(world, gate, [first, second]) as coming:
        assert world.dispatch(third, message_id=third.message_id) == Dispatched("early", "armed_again")
    assert results(coming) == [ACCEPTED] * 2
    assert world.dispatch(third) == ACCEPTED  # both places are free again
    assert sent(world) == sorted([first.id, second.id, third.id])


@pytest.mark.parametrize(
    ("reply", "result", "status"),
    [
        (answered(503), Dispatched("retry_scheduled", "publisher_error"), "scheduled"),
        (answered(400), Dispatched("failed", "rejected_by_publisher"), "failed"),
        (not_sent(), Dispatched("retry_scheduled", "publisher_unreachable"), "scheduled"),
        (unknown(), Dispatched("dispatched", "unknown"), "publishing"),
    ],
)
def test_each_of_a_group_gets_the_outcome_of_its_own(
    world: World, gate: Gate, reply: Reply, result: Dispatched, status: str
):
    fine, other = due_together(world, 2)

    def by_post(submission: Submission) -> Reply:
        return reply if submission.post_id == other.id else answered(202)

    world.publisher.answers(by_post, by_post)
    with standing(world, gate, [fine, other]) as coming:
        pass
    assert [each.status for each in results(coming)] == ["dispatched", result.status]
    assert results(coming)[1] == result
    assert [world.read(post).status for post in (fine, other)] == ["publishing", status]
    assert world.attempts(fine)[0].http_status == 202


def test_a_report_that_comes_before_our_own_settle_is_not_unsaid_by_it(world: World, gate: Gate):
    group = due_together(world, 3)
    told = group[1]

    def report(submission: Submission) -> None:
        if submission.post_id == told.id:
            world.report_published(world.read(told), urn="urn:li:share:7")

    world.publisher.during_send = report
    with standing(world, gate, group) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 3
    now = world.read(told)
    assert (now.status, now.external_post_id, now.lateness_ms) == ("published", "urn:li:share:7", 0.0)
    assert world.outcomes(told) == ["published"]
    assert [world.outcomes(post) for post in (group[0], group[2])] == [["accepted"]] * 2


def test_an_answer_closes_a_breaker_that_had_begun_to_count(world: World, gate: Gate):
    world.publisher.answers(answered(503))
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(world.scheduled(IN_TEN_MINUTES)).status == "retry_scheduled"
    assert world.circuit().failures == 1
    world.clock.set(IN_TEN_MINUTES - EARLY)
    group = due_together(world, 3)
    with standing(world, gate, group) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 3
    assert world.circuit().failures == 0


def test_while_n8n_holds_up_every_sender_a_delivery_sends_by_itself(world: World):
    gate = Gate(senders=1)
    world.with_deps(gate=gate)
    world.clock.set(IN_TEN_MINUTES - EARLY)
    slow, quick = due_together(world, 2)
    answer = threading.Event()
    begun = threading.Event()

    def during(submission: Submission) -> None:
        if submission.post_id == slow.id:
            begun.set()
            assert answer.wait(PATIENCE)

    world.publisher.during_send = during
    with ThreadPoolExecutor(2) as pool:
        world.clock.set(IN_TEN_MINUTES)
        held = pool.submit(world.dispatch, slow)
        assert begun.wait(PATIENCE)
        assert pool.submit(world.dispatch, quick).result(PATIENCE) == ACCEPTED
        assert not held.done()
        answer.set()
        assert held.result(PATIENCE) == ACCEPTED
    assert sent(world) == sorted([slow.id, quick.id])


def test_a_database_that_is_away_at_the_claim_costs_no_post(world: World, gate: Gate):
    group = due_together(world, 4)
    with standing(world, gate, group) as coming:
        world.cut_database(1)
    assert results(coming) == [ACCEPTED] * 4
    assert sent(world) == sorted(post.id for post in group)


def test_a_delivery_that_could_not_be_claimed_may_come_again(world: World, gate: Gate):
    group = due_together(world, 2)
    with standing(world, gate, group) as coming:
        world.cut_database(3)  # the group's claim, and each one's own
    for each in coming:
        with pytest.raises(Unavailable):
            each.result(PATIENCE)
    assert (sent(world), [world.read(post).status for post in group]) == ([], ["scheduled"] * 2)
    assert [world.dispatch(post) for post in group] == [ACCEPTED] * 2


def test_a_database_that_is_away_when_the_group_is_settled_has_each_settle_by_itself(world: World, gate: Gate):
    group = due_together(world, 3)
    all_sent = threading.Barrier(3, action=partial(world.cut_database, 1))
    world.publisher.during_send = lambda _submission: all_sent.wait(PATIENCE) and None
    with standing(world, gate, group) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 3
    assert [world.outcomes(post) for post in group] == [["accepted"]] * 3


def test_a_mistake_of_ours_in_one_send_stays_with_that_one(world: World, gate: Gate):
    fine, broken = due_together(world, 2)

    def breaks(submission: Submission) -> None:
        if submission.post_id == broken.id:
            raise RuntimeError("told to break")

    world.publisher.during_send = breaks
    with standing(world, gate, [fine, broken]) as coming:
        pass
    assert coming[0].result(PATIENCE) == ACCEPTED
    with pytest.raises(RuntimeError):
        coming[1].result(PATIENCE)
    assert world.read(broken).status == "publishing"  # the lease will tell


def test_a_process_that_was_frozen_past_its_lease_sends_nothing(world: World, gate: Gate):
    group = due_together(world, 2)
    with standing(world, gate, group) as coming:
        world.at_next_commit(lambda: world.clock.advance(seconds=world.deps.settings.publish_lease_seconds))
    assert results(coming) == [Dispatched("ignored", "lease_over")] * 2
    assert sent(world) == []


def test_more_than_a_group_holds_are_claimed_group_by_group(world: World, gate: Gate, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.delivery.gate.waiting.LARGEST_GROUP", 4)
    group = due_together(world, 10)
    with claims_counted() as claims:
        with standing(world, gate, group) as coming:
            pass
        assert results(coming) == [ACCEPTED] * 10
    assert claims.call_count == 3
    assert sent(world) == sorted(post.id for post in group)
