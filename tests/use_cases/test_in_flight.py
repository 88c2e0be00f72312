"""The posts in flight to n8n are bounded. The others wait at the gate, unclaimed and in fair order."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from app.delivery.gate.gate import Gate
from app.domain.delivery import Dispatched
from app.domain.in_flight import InFlight
from app.domain.ports import Submission
from app.domain.post import Post
from app.domain.seats import Seats
from app.domain.window import FLOOR, START
from tests.support.fakes import answered, unknown
from tests.support.gate_deliveries import posts_due_together, results, sent_post_ids, waiting_at_gate
from tests.support.threads import TIMEOUT_SECONDS, wait_until
from tests.support.world import IN_TEN_MINUTES, World

ACCEPTED, REARMED = Dispatched("dispatched"), Dispatched("early", "armed_again")
OTHER = "user-2"


class HeldSends:
    """n8n holds each send until `answer`, and counts those at once."""

    def __init__(self, world: World, only: str | None = None) -> None:
        self.now = self.most = 0
        self._answers = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._only = only
        world.publisher.during_send = self._hold

    def answer(self, number: int = 1) -> None:
        self._answers.release(number)

    def _hold(self, submission: Submission) -> None:
        if self._only is not None and submission.user_id != self._only:
            return
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        assert self._answers.acquire(timeout=TIMEOUT_SECONDS)
        with self._lock:
            self.now -= 1


@contextmanager
def held_burst(world: World, gate: Gate, posts: list[Post], held: HeldSends, number: int) -> Iterator[list[Any]]:
    """Let the instant of the posts come, and run the block while so many of them are in flight."""
    with waiting_at_gate(world, gate, posts) as coming:
        world.clock.set(IN_TEN_MINUTES)
        wait_until(lambda: held.now == number)
        try:
            yield coming
        finally:
            held.answer(1000)


def statuses(world: World, posts: list[Post]) -> list[str]:
    return [world.read(post).status for post in posts]


def test_posts_beyond_the_bound_stay_unclaimed_until_n8n_answers(world: World, gate: Gate):
    bound = InFlight(4)
    world.with_deps(in_flight=bound)
    posts, held = posts_due_together(world, 20), HeldSends(world)
    with held_burst(world, gate, posts, held, 4) as coming:
        wait_until(lambda: bound.short_since is not None)
        assert sorted(statuses(world, posts)) == ["publishing"] * 4 + ["scheduled"] * 16
        assert (len(bound), len(gate)) == (4, 16)
        assert not gate.is_busy(world.deps)  # requests of users need not wait for n8n
        held.answer(2)
        wait_until(lambda: len(world.publisher.submissions) == 6)
        assert sorted(statuses(world, posts)) == ["publishing"] * 6 + ["scheduled"] * 14
    assert results(coming) == [ACCEPTED] * 20
    assert sent_post_ids(world) == sorted(post.id for post in posts)
    assert (held.most, len(bound), bound.short_since) == (4, 0, None)


def test_bound_of_one_sends_one_after_the_other_in_fair_order(world: World, gate: Gate):
    world.with_deps(in_flight=InFlight(1))
    world.connect(external_id="urn:li:person:2", user=OTHER, token="token-2")
    posts = [*posts_due_together(world, 6), world.scheduled(IN_TEN_MINUTES, user=OTHER)]
    held = HeldSends(world)
    with held_burst(world, gate, posts, held, 1) as coming:
        pass
    assert results(coming) == [ACCEPTED] * 7
    assert held.most == 1
    assert OTHER in [submission.user_id for submission in world.publisher.submissions[:2]]


def test_unanswered_send_is_in_flight_and_a_report_is_not_waited_for(world: World, gate: Gate):
    bound = InFlight(1)
    world.with_deps(in_flight=bound)
    [post] = posts_due_together(world, 1)
    held = HeldSends(world)
    with held_burst(world, gate, [post], held, 1) as coming:
        assert len(bound) == 1
    assert results(coming) == [ACCEPTED]
    assert (len(bound), world.read(post).status) == (0, "publishing")


def test_delivery_that_can_wait_for_room_no_longer_is_armed_again(world: World, gate: Gate):
    bound = InFlight(1)
    world.with_deps(in_flight=bound)
    posts, held = posts_due_together(world, 3), HeldSends(world)
    with held_burst(world, gate, posts, held, 1) as coming:
        wait_until(lambda: bound.short_since is not None)
        world.clock.advance(seconds=world.deps.settings.room_wait_seconds)
        wait_until(lambda: sum(each.done() for each in coming) == 2)
        waiting = [post for post in posts if world.read(post).status == "scheduled"]
        assert [(world.read(post).armed, world.read(post).attempt) for post in waiting] == [(True, 0)] * 2
    assert sorted(map(str, results(coming))) == sorted(map(str, [ACCEPTED, REARMED, REARMED]))
    assert len(gate) == 0
    assert [world.dispatch(post) for post in waiting] == [ACCEPTED] * 2
    assert sent_post_ids(world) == sorted(post.id for post in posts)


def test_delivery_turned_away_for_want_of_room_gives_its_seat_back(world: World, gate: Gate):
    seats = Seats(8)
    bound = InFlight(1)
    world.with_deps(in_flight=bound, seats=seats)
    posts, held = posts_due_together(world, 3), HeldSends(world)
    with held_burst(world, gate, posts, held, 1) as coming:
        wait_until(lambda: bound.short_since is not None)
        world.clock.advance(seconds=world.deps.settings.room_wait_seconds)
        wait_until(lambda: sum(each.done() for each in coming) == 2)
        assert seats.free == 8


def test_room_wait_leaves_n8n_its_time_within_the_request(world: World):
    for on_vercel in (False, True):
        world.set(vercel=on_vercel)
        s = world.deps.settings
        assert s.room_wait_seconds >= s.longest_lead_seconds
        assert s.room_wait_seconds + s.n8n_timeout_seconds < s.message_timeout_seconds


def test_delivery_in_poll_mode_without_room_stays_due_for_the_next_poll(world: World):
    bound = InFlight(1)
    world.with_deps(messages=None, in_flight=bound)
    post = world.due()
    assert bound.reserve(1, world.clock.now()) == 1  # another send holds the only place
    assert world.dispatch(post) == REARMED
    assert (world.read(post).status, world.publisher.submissions) == ("scheduled", [])
    bound.enter([], reserved=1)
    assert world.dispatch(post) == ACCEPTED


def test_delivery_alone_waits_for_room_before_its_claim(world: World):
    bound = InFlight(1)
    world.with_deps(in_flight=bound)
    post = world.due()
    assert bound.reserve(1, world.clock.now()) == 1
    world.clock.during_sleep = lambda: bound.enter([], reserved=1) if len(world.clock.slept_until) == 3 else None
    assert world.dispatch(post) == ACCEPTED
    assert len(bound) == bound.demand == 0


def test_delivery_alone_goes_before_the_next_group():
    bound = InFlight(2)
    now = IN_TEN_MINUTES
    assert bound.reserve(2, now) == 2
    assert not bound.try_enter_alone(None, now, is_waiting=False)  # type: ignore[arg-type]  # refused before its use
    bound.enter([], reserved=1)
    assert bound.reserve(16, now) == 0
    bound.stop_waiting(None)  # type: ignore[arg-type]
    assert bound.reserve(16, now) == 1


def test_failed_group_and_lost_claims_leave_no_one_in_flight(world: World, gate: Gate):
    bound = InFlight(6)
    world.with_deps(in_flight=bound)
    posts = posts_due_together(world, 6)
    with waiting_at_gate(world, gate, posts) as coming:
        world.overwrite(posts[0], generation=9)
        world.fail_transactions(1)
    assert sorted(result.status for result in results(coming)) == ["dispatched"] * 5 + ["ignored"]
    assert (len(bound), bound.demand) == (0, 0)


def test_clock_set_back_during_a_claim_leaves_no_one_in_flight(world: World, gate: Gate):
    bound = InFlight(2)
    world.with_deps(in_flight=bound)
    posts = posts_due_together(world, 2)
    with waiting_at_gate(world, gate, posts) as coming:
        world.clock.set(IN_TEN_MINUTES - timedelta(milliseconds=5))
        wait_until(lambda: len(bound) == 0)
    assert results(coming) == [ACCEPTED] * 2
    assert len(bound) == 0


@pytest.mark.parametrize("reply", [unknown(), answered(429), answered(503)], ids=["time-out", "429", "503"])
def test_window_is_halved_by_a_timeout_and_by_a_server_that_is_too_busy(world: World, reply: Any):
    window = world.deps.in_flight.lanes[0].window
    world.publisher.answers(reply)
    world.dispatch(world.due())
    assert window.size == START / 2


def test_refused_connection_and_other_server_errors_teach_nothing(world: World):
    for reply in (answered(500), answered(502)):
        world.publisher.answers(reply)
        world.dispatch(world.due())
    assert world.deps.in_flight.lanes[0].window.size == START


def test_owner_kept_out_by_another_owners_slow_sends_has_room_beyond_a_learned_window(world: World, gate: Gate):
    bound = InFlight()
    world.with_deps(in_flight=bound)
    bound.window.size = FLOOR
    world.connect(external_id="urn:li:person:2", user=OTHER, token="token-2")
    posts, held = posts_due_together(world, 30), HeldSends(world, only="user-1")
    with held_burst(world, gate, posts, held, FLOOR) as coming, ThreadPoolExecutor(1) as pool:
        wait_until(lambda: bound.short_since is not None)
        post = world.scheduled(IN_TEN_MINUTES, user=OTHER)
        assert pool.submit(world.dispatch, post).result(TIMEOUT_SECONDS) == ACCEPTED
        assert held.now >= FLOOR  # none of the other owner's sends has ended
    assert results(coming) == [ACCEPTED] * 30


def test_many_owners_of_one_instant_share_the_learned_window_and_no_more(world: World, gate: Gate):
    bound = InFlight()
    world.with_deps(in_flight=bound)
    bound.window.size = FLOOR
    posts = []
    for number in range(FLOOR + 4):
        world.connect(external_id=f"urn:li:person:9{number}", user=f"user-9{number}", token=f"token-9{number}")
        posts.append(world.scheduled(IN_TEN_MINUTES, user=f"user-9{number}"))
    held = HeldSends(world)
    with held_burst(world, gate, posts, held, FLOOR):
        wait_until(lambda: bound.short_since is not None)
        assert len(bound) == FLOOR
