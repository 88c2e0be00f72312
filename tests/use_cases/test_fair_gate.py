"""Fair shares at the gate: one owner's deliveries take no seat, place or sender that another owner needs."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from app.delivery.gate.gate import Gate
from app.domain.delivery import Dispatched
from app.domain.ports import Submission
from app.domain.post import Post
from app.domain.seats import Seats
from tests.support.gate_deliveries import EARLY, count_claims, posts_due_together, results, waiting_at_gate
from tests.support.threads import TIMEOUT_SECONDS, wait_until
from tests.support.world import IN_TEN_MINUTES, World

ACCEPTED, REARMED = Dispatched("dispatched"), Dispatched("early", "armed_again")
OTHER = "user-2"


@pytest.fixture
def one_sender(world: World) -> Gate:
    """Return a gate with a single sender, so that the order of sends is the order of the gate."""
    gate = Gate(senders=1)
    world.with_deps(gate=gate)
    world.connect(external_id="urn:li:person:2", user=OTHER, token="token-2")
    world.clock.set(IN_TEN_MINUTES - EARLY)
    return gate


def of_other(world: World, at: timedelta = timedelta(0)) -> Post:
    return world.scheduled(IN_TEN_MINUTES + at, user=OTHER)


def position(world: World, post: Post) -> int:
    """Return how many posts were sent before this one."""
    return [submission.post_id for submission in world.publisher.submissions].index(post.id)


def no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.delivery.gate.senders.STALLED_AFTER_SECONDS", 2.0 * TIMEOUT_SECONDS)


def test_second_owner_is_in_the_first_group_of_an_instant(
    world: World, one_sender: Gate, monkeypatch: pytest.MonkeyPatch
):
    no_stall(monkeypatch)
    many = posts_due_together(world, 40)
    with waiting_at_gate(world, one_sender, many) as coming:
        post = of_other(world)
        with waiting_at_gate(world, one_sender, [post]) as one:
            pass
    assert results([*coming, *one]) == [ACCEPTED] * 41
    assert position(world, post) == 1


def test_owner_with_a_later_instant_does_not_wait_for_the_backlog(
    world: World, one_sender: Gate, monkeypatch: pytest.MonkeyPatch
):
    no_stall(monkeypatch)
    many, post = posts_due_together(world, 40), of_other(world, timedelta(milliseconds=300))
    begun, queued = threading.Event(), threading.Event()

    def during(submission: Submission) -> None:
        begun.set()
        if submission.user_id != OTHER:
            assert queued.wait(TIMEOUT_SECONDS)

    world.publisher.during_send = during
    with waiting_at_gate(world, one_sender, [*many, post]) as coming:
        world.clock.set(IN_TEN_MINUTES)
        assert begun.wait(TIMEOUT_SECONDS)
        world.clock.set(IN_TEN_MINUTES + timedelta(milliseconds=300))
        wait_until(lambda: any(each.post_id == post.id for each in world.publisher.submissions))
        queued.set()
    assert results(coming) == [ACCEPTED] * 41


def test_owner_is_sent_while_another_owners_sends_hold_all_senders(world: World, monkeypatch: pytest.MonkeyPatch):
    no_stall(monkeypatch)  # no sender is added because of the time alone
    gate = Gate(senders=2)
    world.with_deps(gate=gate)
    world.connect(external_id="urn:li:person:2", user=OTHER, token="token-2")
    world.clock.set(IN_TEN_MINUTES - EARLY)
    many, post = posts_due_together(world, 30), of_other(world)
    answer, all_hold = threading.Event(), threading.Barrier(3)

    def during(submission: Submission) -> None:
        if submission.user_id != OTHER:
            if len(world.publisher.submissions) <= 2:
                all_hold.wait(TIMEOUT_SECONDS)
            assert answer.wait(TIMEOUT_SECONDS)

    world.publisher.during_send = during
    with waiting_at_gate(world, gate, many) as coming, ThreadPoolExecutor(1) as pool:
        world.clock.set(IN_TEN_MINUTES)
        all_hold.wait(TIMEOUT_SECONDS)
        assert pool.submit(world.dispatch, post).result(TIMEOUT_SECONDS) == ACCEPTED
        answer.set()
    assert results(coming) == [ACCEPTED] * 30


def test_seat_of_the_owner_with_most_goes_to_another_owner(world: World, one_sender: Gate):
    seats = Seats(4)
    world.with_deps(seats=seats)
    many = posts_due_together(world, 4)
    with waiting_at_gate(world, one_sender, many) as coming:
        assert seats.free == 0
        post = of_other(world)
        with ThreadPoolExecutor(1) as pool:
            one = pool.submit(world.dispatch, post)
            wait_until(lambda: any(each.done() for each in coming))
            wait_until(lambda: len(one_sender) == 4)
            assert not one.done()
            world.clock.set(IN_TEN_MINUTES)
            assert one.result(TIMEOUT_SECONDS) == ACCEPTED
    assert sorted(map(str, results(coming))) == sorted(map(str, [ACCEPTED] * 3 + [REARMED]))
    assert seats.free == 4
    [rearmed] = [post for post in many if world.read(post).status == "scheduled"]
    assert world.read(rearmed).armed


def test_lone_owner_gets_every_free_seat(world: World, one_sender: Gate):
    world.with_deps(seats=Seats(4))
    with waiting_at_gate(world, one_sender, posts_due_together(world, 4)) as coming:
        extra = world.scheduled(IN_TEN_MINUTES)
        assert world.dispatch(extra) == REARMED
    assert results(coming) == [ACCEPTED] * 4


def test_owners_at_their_share_take_no_seat_from_each_other():
    seats = Seats(3)
    assert all(seats.take(owner, (owner, number), None) for number, owner in enumerate(["a", "b", "a"]))
    assert seats.take("b", ("b", 9)) is None  # it would have more than the other one
    assert seats.take("c", ("c", 1)) is not None
    assert seats.take("d", ("d", 1)) is None  # each has one


def test_thousand_replays_of_a_waiting_message_take_one_seat_and_one_place(world: World, one_sender: Gate):
    assert world.deps.seats is not None
    [post] = posts_due_together(world, 1)
    with waiting_at_gate(world, one_sender, [post]) as coming:
        replies = [world.dispatch(post, message_id=post.message_id) for _ in range(1000)]
        assert (len(one_sender), world.deps.seats.free) == (1, 63)
        assert replies.count(REARMED) == 1
        assert replies.count(Dispatched("early", "armed_already")) == 999
    assert results(coming) == [ACCEPTED]
    assert len(world.messages.published) == 2


def test_duplicate_of_a_delivery_whose_group_failed_tries_alone_too(world: World, one_sender: Gate):
    [post] = posts_due_together(world, 1)
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        assert go_on.wait(TIMEOUT_SECONDS)
        world.fail_transactions(1)

    with waiting_at_gate(world, one_sender, [post]) as coming, ThreadPoolExecutor(1) as pool:
        world.at_next_transaction(hold)
        world.clock.set(IN_TEN_MINUTES)
        assert begun.wait(TIMEOUT_SECONDS)
        duplicate = pool.submit(world.dispatch, post)
        wait_until(lambda: one_sender.duplicates(post) == 1)
        go_on.set()
    found = [each.result(TIMEOUT_SECONDS) for each in (*coming, duplicate)]
    assert sorted(result.status for result in found) == ["dispatched", "ignored"]
    assert len(world.publisher.submissions) == 1


def test_claim_groups_alternate_between_owners(world: World, one_sender: Gate, monkeypatch: pytest.MonkeyPatch):
    no_stall(monkeypatch)
    monkeypatch.setattr("app.delivery.gate.waiting.MAX_GROUP", 4)
    mine = posts_due_together(world, 6)
    others = [of_other(world) for _ in range(2)]
    with count_claims() as claims, waiting_at_gate(world, one_sender, [*mine, *others]) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 8
    first = [intent.post_id for intent in claims.call_args_list[0].args[1]]
    assert {post.id for post in others} <= set(first)
