"""The circuit breaker in front of n8n: when it opens, what waits meanwhile, who may probe, and how it closes."""

from datetime import timedelta

import pytest

from app.delivery.settle import Dispatched
from app.domain.breaker import Breaker
from app.domain.ports import Reply
from app.domain.post import Post
from app.store.operations import breaker
from tests.support.fakes import answered, not_sent, unknown
from tests.support.world import IN_TEN_MINUTES, World

COOLDOWN = timedelta(seconds=60)


def broken(world: World, reply: Reply | None = None) -> Post:
    """n8n has failed as often as the threshold; another post is due."""
    posts = [world.scheduled() for _ in range(world.deps.settings.breaker_threshold + 1)]
    world.clock.set(IN_TEN_MINUTES)
    world.publisher.usual = reply or not_sent()
    for post in posts[:-1]:
        world.dispatch(post)
    world.publisher.submissions.clear()
    return posts[-1]


def state(world: World) -> Breaker:
    with world.db.reading() as connection:
        return breaker.read(connection)


@pytest.mark.parametrize(
    "reply",
    [not_sent(), unknown(), answered(500), answered(503), answered(404), answered(524)],
    ids=["not sent", "unknown", "500", "503", "404", "524"],
)
def test_it_opens_at_the_threshold_and_tells_the_operators(world: World, reply: Reply):
    world.set(breaker_threshold=3)
    broken(world, reply)
    assert state(world) == Breaker(3, IN_TEN_MINUTES, IN_TEN_MINUTES + COOLDOWN)
    assert world.alerts()["breaker_open"] == "n8n"


def test_one_failure_less_leaves_it_closed(world: World):
    world.set(breaker_threshold=3)
    last = broken(world)
    world.set(breaker_threshold=4)
    with world.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE breakers SET opened_at = NULL, probe_at = NULL, failures = 2")
    assert world.dispatch(last).reason == "publisher_unreachable"
    assert state(world) == Breaker(3, None, None)


@pytest.mark.parametrize("reply", [answered(429), answered(400), answered(200)], ids=["429", "400", "200"])
def test_an_answer_that_shows_n8n_at_work_never_opens_it(world: World, reply: Reply):
    world.set(breaker_threshold=1)
    broken(world, reply)
    assert state(world).opened_at is None
    assert "breaker_open" not in world.alerts()


def test_a_success_in_between_begins_the_count_anew(world: World):
    world.set(breaker_threshold=2)
    for reply in (answered(500), answered(200), answered(500)):
        world.publisher.answers(reply)
        world.dispatch(world.due())
    assert state(world) == Breaker(1, None, None)


def test_while_it_is_open_a_due_post_is_deferred_unsent_at_no_cost(world: World):
    post = broken(world)
    assert world.dispatch(post) == Dispatched("retry_scheduled", "breaker_open")
    now = world.read(post)
    assert (now.status, now.retry_count, now.attempt, now.generation) == ("scheduled", 0, 0, 1)
    assert (now.error_code, now.scheduled_at) == ("publisher_unreachable", IN_TEN_MINUTES)
    assert COOLDOWN.total_seconds() <= world.wait_of(post) <= COOLDOWN.total_seconds() * 1.2
    assert now.armed
    assert world.publisher.submissions == []
    assert world.attempts(post) == []


def test_deferred_posts_come_back_spread_out(world: World):
    post = broken(world)
    world.with_deps(random=lambda: 1.0)
    world.dispatch(post)
    assert world.read(post).next_attempt_at == IN_TEN_MINUTES + COOLDOWN * 1.2


def test_a_deferral_is_never_longer_than_five_minutes_and_the_spread(world: World):
    post = broken(world)
    with world.db.transaction() as tx:
        assert breaker.take_probe(tx, state(world), IN_TEN_MINUTES + COOLDOWN, IN_TEN_MINUTES + timedelta(days=2))
    now = world.clock.advance(days=1)
    world.dispatch(post)
    assert world.read(post).next_attempt_at == now + timedelta(minutes=5) * 1.1


def test_the_failure_that_opens_it_costs_its_own_post_nothing(world: World):
    world.set(breaker_threshold=1)
    world.publisher.answers(answered(500))
    post = world.due()
    assert world.dispatch(post).status == "retry_scheduled"
    assert world.read(post).retry_count == 0


def test_after_the_cooldown_one_post_may_probe_and_the_others_still_wait(world: World):
    post, other = broken(world), world.scheduled(IN_TEN_MINUTES)
    world.clock.set(IN_TEN_MINUTES + COOLDOWN)
    answers = []
    world.publisher.during_send = lambda _: answers.append(world.dispatch(other))
    world.dispatch(post)
    assert answers == [Dispatched("retry_scheduled", "breaker_open")]
    assert [sent.post_id for sent in world.publisher.submissions] == [post.id]


def test_a_microsecond_before_the_cooldown_ends_nobody_may_probe(world: World):
    post = broken(world)
    world.clock.set(IN_TEN_MINUTES + COOLDOWN - timedelta(microseconds=1))
    assert world.dispatch(post).reason == "breaker_open"


def test_a_probe_that_succeeds_closes_it_and_clears_the_alert(world: World):
    post = broken(world)
    world.clock.set(IN_TEN_MINUTES + COOLDOWN)
    world.publisher.usual = answered(200)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert state(world) == Breaker()
    assert "breaker_open" not in world.alerts()


def test_a_probe_that_fails_costs_its_post_nothing_and_begins_another_cooldown(world: World):
    post = broken(world)
    now = IN_TEN_MINUTES + COOLDOWN
    world.clock.set(now)
    world.publisher.usual = answered(500)
    assert world.dispatch(post) == Dispatched("retry_scheduled", "publisher_error")
    assert world.read(post).retry_count == 0
    assert state(world).opened_at == IN_TEN_MINUTES
    assert state(world).probe_at == now + COOLDOWN


def test_a_post_with_a_spent_budget_survives_a_failing_probe(world: World):
    post = broken(world)
    world.overwrite(post, retry_count=3)
    world.clock.set(IN_TEN_MINUTES + COOLDOWN)
    world.publisher.usual = answered(503)
    assert world.dispatch(post).status == "retry_scheduled"
    assert (world.read(post).status, world.read(post).retry_count) == ("scheduled", 3)


def test_a_report_of_failure_is_no_sign_against_n8n(world: World):
    world.set(breaker_threshold=1)
    post = world.in_flight()
    world.report_failed(post, http_status=500)
    assert state(world) == Breaker()


def test_a_deferral_is_half_as_long_as_n8n_has_been_gone(world: World):
    post = broken(world)
    with world.db.transaction() as tx:
        assert breaker.take_probe(tx, state(world), IN_TEN_MINUTES + COOLDOWN, IN_TEN_MINUTES + timedelta(days=2))
    now = world.clock.advance(minutes=4)
    world.dispatch(post)
    assert world.read(post).next_attempt_at == now + timedelta(minutes=2) * 1.1


@pytest.mark.parametrize("milliseconds", [0, 400])
def test_while_it_is_open_who_finds_no_room_to_wait_takes_no_probe_and_is_armed_anew(world: World, milliseconds: int):
    broken(world)
    instant = IN_TEN_MINUTES + timedelta(minutes=2, milliseconds=milliseconds)
    post = world.scheduled(instant)
    world.clock.set(instant - timedelta(seconds=1))
    before = state(world)
    world.with_deps(waiting=None)
    assert world.dispatch(post, message_id="msg_of_another") == Dispatched("early", "armed_already")
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    alarm = world.messages.published[-1]
    assert alarm.not_before == int(IN_TEN_MINUTES.timestamp()) + 120 + (1 if milliseconds else 0)
    assert state(world) == before
