"""An account's daily cap: what counts, for how long, and when those who were over it go."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.delivery.settle import Dispatched
from app.domain.explanations import SENTENCES
from app.domain.pacing import WINDOW
from app.posts import schedule
from app.store.schema.tables import account_turns
from app.sweep.sweep import sweep
from tests.support.fakes import answered, not_sent, unknown
from tests.support.world import IN_TEN_MINUTES, USER, World
from tests.use_cases.test_pacing import deliver, sent

MINUTE = timedelta(minutes=1)
DAY = timedelta(hours=24)


@pytest.fixture
def capped(world: World) -> World:
    world.set(account_daily_cap=2)
    return world


def test_the_cap_moves_a_post_to_when_the_oldest_is_a_day_old(capped: World):
    posts = [capped.scheduled(IN_TEN_MINUTES + n * MINUTE) for n in range(4)]
    for post in posts:
        capped.at_due(post)
        capped.dispatch(post)
    assert sent(capped) == [post.id for post in posts[:2]]
    assert [capped.read(post).next_attempt_at for post in posts[2:]] == [
        IN_TEN_MINUTES + WINDOW,
        IN_TEN_MINUTES + MINUTE + WINDOW,
    ]
    now = capped.read(posts[2])
    assert (now.status, now.error_code, now.error_message) == ("scheduled", "daily_cap", SENTENCES["daily_cap"])
    assert (now.retry_count, now.scheduled_at) == (0, posts[2].scheduled_at)
    capped.at_due(posts[2])
    assert capped.dispatch(posts[2]) == Dispatched("dispatched")
    assert capped.read(posts[2]).error_code is None
    assert capped.clock.now() - IN_TEN_MINUTES >= DAY


@pytest.mark.parametrize(
    ("reply", "counts"),
    [
        (answered(200), True),
        (unknown(), True),
        (answered(500), False),
        (answered(429), False),
        (answered(400), False),
        (not_sent(), False),
    ],
    ids=["accepted", "unknown", "500", "429", "400", "not sent"],
)
def test_only_what_is_out_or_may_be_out_counts_against_the_cap(capped: World, reply, counts: bool):
    capped.set(account_daily_cap=1)
    first, second = capped.scheduled(), capped.scheduled(IN_TEN_MINUTES + MINUTE)
    capped.publisher.answers(reply)
    deliver(capped, first)
    capped.at_due(second)
    assert capped.dispatch(second).reason == ("daily_cap" if counts else None)


def test_a_post_that_is_tried_twice_counts_once(capped: World):
    first = capped.in_flight()
    capped.report_failed(first, http_status=500)
    capped.at_due(first)
    assert capped.dispatch(first) == Dispatched("dispatched")
    capped.report_published(first)
    second, third = capped.scheduled(), capped.scheduled(capped.clock.now() + 2 * MINUTE)
    capped.at_due(second)
    assert capped.dispatch(second) == Dispatched("dispatched")
    capped.at_due(third)
    assert capped.dispatch(third).reason == "daily_cap"


def test_a_retry_of_one_that_may_be_out_is_not_held_up_by_its_own_first_try(capped: World):
    capped.set(account_daily_cap=1)
    post = capped.expired()
    sweep(capped.deps)
    assert capped.dispatch(capped.read(post)) == Dispatched("dispatched")


def test_a_report_of_failure_gives_the_room_back(capped: World):
    capped.set(account_daily_cap=1)
    capped.failed()
    assert deliver(capped, capped.scheduled()) == ["sent"]


def test_a_turn_whose_claim_is_just_to_come_counts_and_one_that_was_lost_does_not_for_long(capped: World):
    capped.set(account_daily_cap=1)
    post, other = capped.scheduled(), capped.scheduled()
    capped.clock.set(IN_TEN_MINUTES)
    capped.at_next_transaction(lambda: None)
    capped.at_next_transaction(lambda: schedule.unschedule(capped.deps, USER, post.id))
    assert capped.dispatch(post).status == "ignored"
    assert deliver(capped, other) == ["daily_cap"]
    later = capped.scheduled(IN_TEN_MINUTES + MINUTE)
    capped.at_due(later)
    assert capped.dispatch(later) == Dispatched("dispatched")


def test_turns_that_no_cap_counts_any_more_are_forgotten_by_the_sweep(capped: World):
    deliver(capped, capped.scheduled())
    capped.clock.set(IN_TEN_MINUTES + WINDOW)
    sweep(capped.deps)
    with capped.db.reading() as connection:
        assert len(connection.execute(sa.select(account_turns)).all()) == 1
    capped.clock.advance(seconds=1)
    sweep(capped.deps)
    with capped.db.reading() as connection:
        assert connection.execute(sa.select(account_turns)).all() == []
