"""The circuit breaker in front of n8n: opening, deferral, probes and closing."""

from datetime import timedelta

import pytest

from app.domain.breaker import Breaker
from app.domain.delivery import Dispatched
from app.domain.ports import Reply
from app.domain.post import Post
from app.store.operations import breaker
from app.sweep.sweep import sweep
from tests.support.fakes import answered, not_sent, unknown
from tests.support.world import IN_TEN_MINUTES, World

COOLDOWN = timedelta(seconds=60)


def reach_threshold(world: World, reply: Reply | None = None) -> Post:
    """Dispatch as many posts as the breaker's threshold with this reply, by default a failure.

    Return one more due post.
    """
    posts = [world.scheduled() for _ in range(world.deps.settings.breaker_threshold + 1)]
    world.clock.set(IN_TEN_MINUTES)
    world.publisher.default_reply = reply or not_sent()
    for post in posts[:-1]:
        world.dispatch(post)
    world.publisher.submissions.clear()
    return posts[-1]


def read_breaker(world: World) -> Breaker:
    with world.db.reading() as connection:
        return breaker.read(connection)


@pytest.mark.parametrize(
    "reply",
    [not_sent(), answered(500), answered(503), answered(404)],
    ids=["not sent", "500", "503", "404"],
)
def test_breaker_opens_at_the_threshold_and_raises_an_alert(world: World, reply: Reply):
    world.set(breaker_threshold=3)
    reach_threshold(world, reply)
    assert read_breaker(world) == Breaker(3, IN_TEN_MINUTES, IN_TEN_MINUTES + COOLDOWN)
    assert world.alerts()["breaker_open"] == "n8n"


@pytest.mark.parametrize("reply", [unknown(), answered(524)], ids=["read timeout", "524"])
def test_breaker_opens_after_twice_the_threshold_of_timeouts(world: World, reply: Reply):
    posts = [world.scheduled() for _ in range(10)]
    world.clock.set(IN_TEN_MINUTES)
    world.publisher.default_reply = reply
    for number, post in enumerate(posts, start=1):
        assert world.dispatch(post).reason == "unknown"
        assert (read_breaker(world).opened_at is not None) == (number == 10)
    assert read_breaker(world) == Breaker(0, IN_TEN_MINUTES, IN_TEN_MINUTES + COOLDOWN, timeouts=10)


@pytest.mark.parametrize("order", ["RRRRTT", "TTRRRR", "RTRTRR", "TTTTTTRR"])
def test_refusal_weighs_two_timeouts_in_any_order(world: World, order: str):
    world.publisher.answers(*(not_sent() if kind == "R" else unknown() for kind in order))
    posts = [world.scheduled() for _ in order]
    world.clock.set(IN_TEN_MINUTES)
    for post in posts[:-1]:
        world.dispatch(post)
    assert read_breaker(world).opened_at is None
    world.dispatch(posts[-1])
    assert read_breaker(world).opened_at is not None


def test_slow_n8n_whose_reports_come_late_never_opens_the_breaker(world: World):
    posts = [world.scheduled() for _ in range(27)]
    world.clock.set(IN_TEN_MINUTES)
    world.publisher.default_reply = unknown()
    for sent, post in enumerate(posts):
        assert world.dispatch(post).reason == "unknown"
        if sent >= 8:  # each report comes eight sends later
            world.report_published(posts[sent - 8], urn=f"urn:li:share:{sent}")
        assert read_breaker(world).opened_at is None


def test_accepted_send_clears_the_timeouts(world: World):
    world.publisher.answers(*[unknown()] * 9, answered(200), *[unknown()] * 9)
    posts = [world.scheduled() for _ in range(19)]
    world.clock.set(IN_TEN_MINUTES)
    for post in posts:
        world.dispatch(post)
    assert read_breaker(world) == Breaker(timeouts=9)


def test_breaker_stays_closed_one_failure_below_the_threshold(world: World):
    world.set(breaker_threshold=3)
    last = reach_threshold(world)
    world.set(breaker_threshold=4)
    with world.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE breakers SET opened_at = NULL, probe_at = NULL, failures = 2")
    assert world.dispatch(last).reason == "publisher_unreachable"
    assert read_breaker(world) == Breaker(3, None, None)


@pytest.mark.parametrize("reply", [answered(429), answered(400), answered(200)], ids=["429", "400", "200"])
def test_answer_from_a_working_n8n_never_opens_the_breaker(world: World, reply: Reply):
    world.set(breaker_threshold=1)
    reach_threshold(world, reply)
    assert read_breaker(world).opened_at is None
    assert "breaker_open" not in world.alerts()


def test_success_resets_the_failure_count(world: World):
    world.set(breaker_threshold=2)
    for reply in (answered(500), answered(200), answered(500)):
        world.publisher.answers(reply)
        world.dispatch(world.due())
    assert read_breaker(world) == Breaker(1, None, None)


def test_open_breaker_defers_due_post_unsent_at_no_cost(world: World):
    post = reach_threshold(world)
    assert world.dispatch(post) == Dispatched("retry_scheduled", "breaker_open")
    after = world.read(post)
    assert (after.status, after.retry_count, after.attempt, after.generation) == ("scheduled", 0, 0, 1)
    assert (after.error_code, after.scheduled_at) == ("publisher_unreachable", IN_TEN_MINUTES)
    assert COOLDOWN.total_seconds() <= world.seconds_until_due(post) <= COOLDOWN.total_seconds() * 1.2
    assert after.armed
    assert world.publisher.submissions == []
    assert world.attempts(post) == []


def test_deferral_adds_up_to_twenty_percent_jitter(world: World):
    post = reach_threshold(world)
    world.with_deps(random=lambda: 1.0)
    world.dispatch(post)
    assert world.read(post).next_attempt_at == IN_TEN_MINUTES + COOLDOWN * 1.2


def test_deferral_is_at_most_five_minutes_plus_jitter(world: World):
    post = reach_threshold(world)
    now = world.clock.advance(days=1)
    with world.db.transaction() as tx:
        assert breaker.take_probe(tx, read_breaker(world), now, now + COOLDOWN)
    world.dispatch(post)
    assert world.read(post).next_attempt_at == now + timedelta(minutes=5) * 1.1


def test_failure_that_opens_the_breaker_costs_its_post_no_retry(world: World):
    world.set(breaker_threshold=1)
    world.publisher.answers(answered(500))
    post = world.due()
    assert world.dispatch(post).status == "retry_scheduled"
    assert world.read(post).retry_count == 0


def test_one_post_probes_after_the_cooldown_while_others_wait(world: World):
    post, other = reach_threshold(world), world.scheduled(IN_TEN_MINUTES)
    world.clock.set(IN_TEN_MINUTES + COOLDOWN)
    answers = []
    world.publisher.during_send = lambda _: answers.append(world.dispatch(other))
    world.dispatch(post)
    assert answers == [Dispatched("retry_scheduled", "breaker_open")]
    assert [sent.post_id for sent in world.publisher.submissions] == [post.id]


def test_no_probe_a_microsecond_before_the_cooldown_ends(world: World):
    post = reach_threshold(world)
    world.clock.set(IN_TEN_MINUTES + COOLDOWN - timedelta(microseconds=1))
    assert world.dispatch(post).reason == "breaker_open"


def test_successful_probe_closes_the_breaker_and_clears_the_alert(world: World):
    post = reach_threshold(world)
    world.clock.set(IN_TEN_MINUTES + COOLDOWN)
    world.publisher.default_reply = answered(200)
    assert world.dispatch(post) == Dispatched("dispatched")
    assert read_breaker(world) == Breaker()
    assert "breaker_open" not in world.alerts()


def test_failed_probe_costs_no_retry_and_starts_another_cooldown(world: World):
    post = reach_threshold(world)
    now = IN_TEN_MINUTES + COOLDOWN
    world.clock.set(now)
    world.publisher.default_reply = answered(500)
    assert world.dispatch(post) == Dispatched("retry_scheduled", "publisher_error")
    assert world.read(post).retry_count == 0
    assert read_breaker(world).opened_at == IN_TEN_MINUTES
    assert read_breaker(world).probe_at == now + COOLDOWN


def test_post_without_retries_left_survives_a_failed_probe(world: World):
    post = reach_threshold(world)
    world.overwrite(post, retry_count=3)
    world.clock.set(IN_TEN_MINUTES + COOLDOWN)
    world.publisher.default_reply = answered(503)
    assert world.dispatch(post).status == "retry_scheduled"
    assert (world.read(post).status, world.read(post).retry_count) == ("scheduled", 3)


def test_failure_report_does_not_count_against_n8n(world: World):
    world.set(breaker_threshold=1)
    post = world.in_flight()
    world.report_failed(post, http_status=500)
    assert read_breaker(world) == Breaker()


def test_deferral_is_half_as_long_as_the_outage(world: World):
    post = reach_threshold(world)
    now = world.clock.advance(minutes=4)
    with world.db.transaction() as tx:
        assert breaker.take_probe(tx, read_breaker(world), now, now + COOLDOWN)
    world.dispatch(post)
    assert world.read(post).next_attempt_at == now + timedelta(minutes=2) * 1.1


@pytest.mark.parametrize("milliseconds", [0, 400])
def test_delivery_without_a_seat_takes_no_probe_and_is_rearmed(world: World, milliseconds: int):
    reach_threshold(world)
    instant = IN_TEN_MINUTES + timedelta(minutes=2, milliseconds=milliseconds)
    post = world.scheduled(instant)
    world.clock.set(instant - timedelta(seconds=1))
    before = read_breaker(world)
    world.with_deps(seats=None)
    assert world.dispatch(post, message_id="msg_of_another") == Dispatched("early", "armed_already")
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    alarm = world.messages.published[-1]
    assert alarm.not_before == int(IN_TEN_MINUTES.timestamp()) + 120 + (1 if milliseconds else 0)
    assert read_breaker(world) == before


@pytest.mark.parametrize("published", [True, False])
def test_report_of_a_timed_out_attempt_closes_the_breaker(world: World, published: bool):
    world.set(breaker_threshold=1)
    slow = world.due()
    world.publisher.answers(unknown())
    world.dispatch(slow)
    reach_threshold(world, unknown())
    assert read_breaker(world).opened_at is not None
    if published:
        world.report_published(slow)
    else:
        world.report_failed(slow, http_status=400)
    assert read_breaker(world) == Breaker()
    assert "breaker_open" not in world.alerts()


def test_report_of_an_accepted_attempt_leaves_the_breaker_open(world: World):
    accepted = world.in_flight()
    world.set(breaker_threshold=2)
    reach_threshold(world, answered(404))
    world.report_published(accepted)
    assert read_breaker(world).opened_at is not None


def test_late_report_of_an_accepted_attempt_past_its_lease_leaves_the_breaker_open(world: World):
    accepted = world.expired(platform="instagram")
    sweep(world.deps)
    assert world.outcomes(accepted) == ["unknown"]
    world.set(breaker_threshold=1)
    world.publisher.answers(answered(404))
    assert world.dispatch(world.schedule(world.draft(), world.clock.now()).post).status == "retry_scheduled"
    opened = read_breaker(world)
    assert opened.opened_at is not None
    world.report_published(accepted)
    assert (world.read(accepted).status, read_breaker(world)) == ("published", opened)
