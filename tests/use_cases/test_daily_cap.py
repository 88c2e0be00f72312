"""An account's daily cap: the posts counted, the window, and the next instant of a post over it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.domain.delivery import Dispatched
from app.domain.explanations import SENTENCES
from app.domain.pacing import WINDOW
from app.posts import schedule
from app.store.schema.tables import account_turns
from app.sweep.sweep import sweep
from tests.support.fakes import answered, not_sent, unknown
from tests.support.world import IN_TEN_MINUTES, USER, World
from tests.use_cases.test_pacing import deliver, sent_post_ids

MINUTE = timedelta(minutes=1)
DAY = timedelta(hours=24)


@pytest.fixture
def capped(world: World) -> World:
    world.set(account_daily_cap=2)
    return world


def test_post_over_the_cap_moves_to_a_day_after_the_oldest_counted_post(capped: World):
    posts = [capped.scheduled(IN_TEN_MINUTES + n * MINUTE) for n in range(4)]
    for post in posts:
        capped.at_due(post)
        capped.dispatch(post)
    assert sent_post_ids(capped) == [post.id for post in posts[:2]]
    assert [capped.read(post).next_attempt_at for post in posts[2:]] == [
        IN_TEN_MINUTES + WINDOW,
        IN_TEN_MINUTES + MINUTE + WINDOW,
    ]
    after = capped.read(posts[2])
    assert (after.status, after.error_code, after.error_message) == ("scheduled", "daily_cap", SENTENCES["daily_cap"])
    assert (after.retry_count, after.scheduled_at) == (0, posts[2].scheduled_at)
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
def test_only_sends_that_may_be_published_count_against_the_cap(capped: World, reply, counts: bool):
    capped.set(account_daily_cap=1)
    first, second = capped.scheduled(), capped.scheduled(IN_TEN_MINUTES + MINUTE)
    capped.publisher.answers(reply)
    deliver(capped, first)
    capped.at_due(second)
    assert capped.dispatch(second).reason == ("daily_cap" if counts else None)


def test_post_with_two_attempts_counts_once(capped: World):
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


def test_retry_is_not_blocked_by_its_own_unknown_first_attempt(capped: World):
    capped.set(account_daily_cap=1)
    post = capped.expired()
    sweep(capped.deps)
    assert capped.dispatch(capped.read(post)) == Dispatched("dispatched")


def test_failure_report_frees_the_slot_under_the_cap(capped: World):
    capped.set(account_daily_cap=1)
    capped.failed()
    assert deliver(capped, capped.scheduled()) == ["sent"]


def test_unclaimed_turn_counts_against_the_cap_for_a_short_time_only(capped: World):
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


def test_sweep_deletes_turns_older_than_the_cap_window(capped: World):
    deliver(capped, capped.scheduled())
    capped.clock.set(IN_TEN_MINUTES + WINDOW)
    sweep(capped.deps)
    with capped.db.reading() as connection:
        assert len(connection.execute(sa.select(account_turns)).all()) == 1
    capped.clock.advance(seconds=1)
    sweep(capped.deps)
    with capped.db.reading() as connection:
        assert connection.execute(sa.select(account_turns)).all() == []
