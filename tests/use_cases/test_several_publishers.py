"""Several n8n: posts are spread, each has its own breaker and bound, and one that is down holds no post up."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import event

from app.delivery.gate.gate import Gate
from app.delivery.gate.sharing import Sharing
from app.domain.breaker import Breaker
from app.domain.delivery import Dispatched, ReadyDelivery
from app.domain.in_flight import InFlight
from app.domain.lanes import AVOIDED, Lanes
from app.domain.ports import Reply
from app.domain.post import Post
from app.operations.status import scheduler_status
from app.store.operations import breaker, in_flight
from tests.support.fakes import FakePublisher, answered, not_sent, unknown
from tests.support.gate_deliveries import posts_due_together, results, waiting_at_gate
from tests.support.threads import TIMEOUT_SECONDS
from tests.support.world import IN_TEN_MINUTES, USER, World

URLS = "https://a.test/webhook/secret-of-a,https://b.test:5678/webhook/secret-of-b"
A, B = "a.test", "b.test:5678"
ACCEPTED = Dispatched("dispatched")
COOLDOWN = timedelta(seconds=60)


class Two:
    """A world with two n8n: the world's own publisher is the first."""

    def __init__(self, world: World, bound: int | None = None) -> None:
        self.world = world
        self.first, self.second = world.publisher, FakePublisher(world.clock)
        world.set(n8n_webhook_url=URLS, breaker_threshold=3)
        self.lanes = Lanes([InFlight(bound), InFlight(bound)])
        world.with_deps(more_publishers=(self.second,), in_flight=self.lanes)

    def circuits(self) -> tuple[Breaker, ...]:
        with self.world.db.reading() as connection:
            return tuple(breaker.read(connection, index) for index in range(2))

    def is_open(self) -> list[bool]:
        return [circuit.opened_at is not None for circuit in self.circuits()]

    def open(self, index: int, *owners: str) -> None:
        """Open a breaker at the posts' instant, by three failures of each owner. Without owners, for all."""
        now = max(self.world.clock.now(), IN_TEN_MINUTES)
        self.world.clock.set(now)
        with self.world.db.transaction() as tx:
            for owner in 3 * (owners or ("one", "two")):
                breaker.record_failure(tx, threshold=3, cooldown=COOLDOWN, now=now, owner=owner, index=index)

    def counts(self) -> tuple[int, int]:
        return len(self.first.submissions), len(self.second.submissions)

    def dispatch_again(self, post: Post) -> Dispatched:
        """Dispatch the post at its next try."""
        again = self.world.read(post)
        assert again.next_attempt_at is not None
        self.world.clock.set(again.next_attempt_at)
        return self.world.dispatch(again)


def fresh() -> ReadyDelivery:
    """Return a delivery that either publisher may get."""
    post = cast(Post, SimpleNamespace(user_id="user-1"))
    made = ReadyDelivery(post, IN_TEN_MINUTES, "message", None, "", Breaker())
    made.circuits, made.allowed = (Breaker(), Breaker(index=1)), (0, 1)
    return made


@pytest.fixture
def two(world: World) -> Two:
    return Two(world)


def test_posts_of_one_instant_are_spread_evenly(world: World, two: Two, gate: Gate):
    posts = posts_due_together(world, 8)
    two.first.during_send = two.second.during_send = lambda _: None
    with waiting_at_gate(world, gate, posts) as coming:
        world.clock.set(IN_TEN_MINUTES)
    assert results(coming) == [ACCEPTED] * 8
    assert sum(two.counts()) == 8
    assert min(two.counts()) >= 1
    assert len(two.lanes) == 0


def test_each_publisher_has_a_bound_of_its_own(world: World, gate: Gate):
    two = Two(world, bound=2)
    now = IN_TEN_MINUTES
    assert two.lanes.reserve(8, now) == 4
    two.lanes.enter([], reserved=4)
    for _ in range(2):
        two.lanes.lanes[0].try_enter_alone(fresh(), now, is_waiting=False)
    assert two.lanes.reserve(8, now) == 2
    delivery = fresh()
    assert two.lanes.enter([delivery], reserved=2) == []
    assert delivery.publisher == 1
    posts = posts_due_together(world, 5)
    with waiting_at_gate(world, gate, posts) as coming:
        world.clock.set(IN_TEN_MINUTES)
    assert results(coming) == [ACCEPTED] * 5
    assert two.counts() == (0, 5)


@pytest.mark.parametrize("reply", [not_sent(), answered(500), answered(404)], ids=["not sent", "500", "404"])
def test_refused_post_goes_to_the_other_publisher_within_seconds(world: World, two: Two, reply: Reply):
    two.first.default_reply = reply
    post = world.due()
    assert world.dispatch(post).status == "retry_scheduled"
    again = world.read(post).next_attempt_at
    assert again is not None
    assert again - world.clock.now() <= timedelta(seconds=2)
    assert two.dispatch_again(post) == ACCEPTED
    assert two.counts() == (1, 1)


def test_same_refusal_by_both_publishers_waits_for_the_usual_backoff(world: World, two: Two):
    two.first.default_reply = two.second.default_reply = answered(500)
    post = world.due()
    world.dispatch(post)
    assert two.dispatch_again(post).status == "retry_scheduled"
    again = world.read(post).next_attempt_at
    assert again is not None
    assert again - world.clock.now() >= timedelta(minutes=2)
    assert sum(two.counts()) == 2


def test_retry_after_of_a_publisher_is_honoured(world: World, two: Two):
    two.first.default_reply = answered(503, retry_after="90")
    post = world.due()
    world.dispatch(post)
    again = world.read(post).next_attempt_at
    assert again is not None
    assert again - world.clock.now() >= timedelta(seconds=90)


def test_lost_answer_is_not_sent_to_the_other_publisher(world: World, two: Two):
    two.first.default_reply = unknown()
    post = world.due()
    assert world.dispatch(post) == Dispatched("dispatched", "unknown")
    assert world.read(post).status == "publishing"
    assert two.counts() == (1, 0)


def test_breaker_of_one_publisher_opens_alone_and_its_alert_names_the_host(world: World, two: Two):
    two.open(0)
    assert two.is_open() == [True, False]
    two.world.set(breaker_threshold=1)
    two.second.default_reply = not_sent()
    post = world.due()
    world.dispatch(post)
    assert two.is_open() == [True, True]
    assert world.alerts()["breaker_open"] == B


def test_open_breaker_of_one_publisher_holds_no_post(world: World, two: Two):
    two.open(0)
    posts = [world.due() for _ in range(5)]
    assert [world.dispatch(post) for post in posts] == [ACCEPTED] * 5
    assert two.counts() == (0, 5)


def test_posts_wait_once_the_breakers_of_all_publishers_are_open(world: World, two: Two):
    two.open(0)
    two.open(1)
    assert world.dispatch(world.due()).reason == "breaker_open"
    assert two.counts() == (0, 0)


def test_publisher_open_for_one_owner_gets_the_posts_of_others(world: World, two: Two):
    two.open(0, USER)
    world.dispatch(world.due())
    assert two.counts() == (0, 1)
    world.connect(user="user-2")
    world.dispatch(world.due(user="user-2"))
    assert two.counts() == (1, 1)


def test_one_post_probes_a_publisher_whose_breaker_is_open_while_the_others_go_on(world: World, two: Two):
    two.open(0)
    world.clock.advance(seconds=COOLDOWN.total_seconds())
    posts = [world.due() for _ in range(4)]
    assert [world.dispatch(post) for post in posts] == [ACCEPTED] * 4
    assert two.counts()[0] >= 1
    assert two.is_open() == [False, False]
    assert "breaker_open" not in world.alerts()


def test_failed_probe_goes_out_by_the_other_publisher(world: World, two: Two):
    two.open(0)
    world.clock.advance(seconds=COOLDOWN.total_seconds())
    two.first.default_reply = not_sent()
    probe, other = world.due(), world.due()
    assert world.dispatch(probe).status == "retry_scheduled"
    assert world.dispatch(other) == ACCEPTED
    assert two.dispatch_again(probe) == ACCEPTED
    assert two.counts() == (1, 2)
    assert two.is_open() == [True, False]


def test_success_of_one_publisher_closes_no_breaker_of_another(world: World, two: Two):
    two.open(0)
    world.dispatch(world.due())
    assert two.is_open() == [True, False]


def test_refusing_publisher_is_avoided_for_seconds_only(world: World, two: Two):
    two.first.default_reply = not_sent()
    world.dispatch(world.due())
    for _ in range(3):
        world.dispatch(world.due())
    assert two.counts() == (1, 3)
    world.clock.advance(seconds=AVOIDED.total_seconds())
    world.dispatch(world.due())
    assert two.counts() == (2, 3)


def test_late_report_closes_the_breaker_of_a_slow_publisher_not_of_a_dead_one(world: World, two: Two):
    two.open(0)
    two.second.default_reply = unknown()
    posts = [world.due() for _ in range(6)]
    for post in posts:
        world.dispatch(post)
    assert two.is_open() == [True, True]
    world.report_published(posts[0])
    assert two.is_open() == [True, False]


def test_status_names_each_publisher_by_its_host_and_never_its_path(world: World, two: Two):
    two.open(1)
    status = scheduler_status(world.deps)
    shown = [(one["name"], one["breaker"]["state"], one["inFlight"]) for one in status["n8n"]["publishers"]]
    assert shown == [(A, "closed", 0), (B, "open", 0)]
    assert status["operational"] is True
    assert status["breaker"] == {"state": "closed", "openedAt": None}
    assert "secret" not in str(status)
    two.open(0)
    status = scheduler_status(world.deps)
    assert status["operational"] is False
    assert status["breaker"]["state"] == "open"


def test_status_of_a_lone_publisher_lists_no_publishers(world: World):
    assert "publishers" not in scheduler_status(world.deps)["n8n"]


def test_alerts_of_status_name_the_host(world: World, two: Two):
    two.world.set(breaker_threshold=1)
    two.first.default_reply = answered(404)
    world.dispatch(world.due())
    alerts = {alert["kind"]: alert["subject"] for alert in scheduler_status(world.deps)["alerts"]}
    assert alerts == {"breaker_open": A, "workflow_inactive": A}


def test_delivery_reads_all_breakers_in_one_statement(world: World, two: Two):
    posts = [world.scheduled() for _ in range(3)]
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(posts.pop()) == ACCEPTED  # reads what a process reads once
    statements: list[str] = []
    event.listen(world.db.engine, "before_cursor_execute", lambda _c, _x, text, *_: statements.append(text))
    assert world.dispatch(posts[0]) == ACCEPTED
    of_two, statements[:] = len(statements), []
    world.deps = replace(world.deps, more_publishers=(), in_flight=InFlight())
    assert world.dispatch(posts[1]) == ACCEPTED
    assert of_two == len(statements) > 0


def test_shares_of_publishers_are_learned_apart(world: World, two: Two):
    sharings = [Sharing(lambda: 3, lambda: None, index) for index in range(2)]
    for lane in two.lanes.lanes:
        lane.shared = True
    two.lanes.lanes[1].window.size = 9.0
    for sharing in sharings:
        assert sharing.renew(world.deps)
    with world.db.transaction() as tx:
        sizes = [in_flight.lock(tx, index).size for index in range(2)]
    assert sizes == [32.0, 9.0]


def test_blocked_post_passes_without_a_publisher(world: World, two: Two, gate: Gate):
    """At the gate too, while the first publisher is down: only the other one has room then."""
    post = world.due()
    two.open(0)
    world.set(max_lateness_seconds=60.0)
    world.clock.advance(seconds=3600)
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(world.dispatch, post)
        try:
            assert ended.result(TIMEOUT_SECONDS) == Dispatched("failed", "missed")
        finally:
            world.clock.advance(seconds=3600)  # a delivery without room is turned away
    assert two.counts() == (0, 0)
    assert len(two.lanes) == 0
