"""However many deliver at once, in however many processes, an account's posts keep their distance and their cap."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest

from app.domain.pacing import MARGIN, WINDOW
from app.domain.post import Post
from app.posts import schedule
from tests.support.threads import PATIENCE, errors, together, wait_until_blocked
from tests.support.world import IN_TEN_MINUTES, USER, World

SPACING = timedelta(seconds=60)
STEP = SPACING + MARGIN


@pytest.fixture
def others(postgresql_url: str, crowd: World) -> Iterator[World]:
    """Another process on the same database: an engine of its own, the same outside."""
    made = World(postgresql_url)
    made.clock, made.publisher, made.messages = crowd.clock, crowd.publisher, crowd.messages
    made.with_deps(clock=crowd.clock, publisher=crowd.publisher, messages=crowd.messages)
    yield made
    made.close()


def sent(world: World) -> list[str]:
    return [submission.post_id for submission in world.publisher.submissions]


def due_of(world: World, posts: list[Post]) -> list[datetime]:
    return sorted(now.next_attempt_at for now in map(world.read, posts) if now.next_attempt_at is not None)


def send_instants(world: World, posts: list[Post]) -> list[datetime]:
    return sorted(attempt.started_at for post in posts for attempt in world.attempts(post))


def test_of_two_posts_of_one_instant_in_two_processes_one_goes_and_the_other_follows(crowd: World, others: World):
    for world in (crowd, others):
        world.set(account_spacing_seconds=60.0)
    for hour in range(6):
        instant = IN_TEN_MINUTES + hour * timedelta(hours=1)
        posts = [crowd.scheduled(instant), crowd.scheduled(instant)]
        crowd.clock.set(instant)
        results = together([partial(crowd.dispatch, posts[0]), partial(others.dispatch, posts[1])])
        assert errors(results) == []
        assert sorted(result.reason or "sent" for result in results) == ["sent", "spaced"]
        assert due_of(crowd, posts) == [instant + STEP]
        crowd.clock.set(instant + STEP)
        assert [crowd.dispatch(post).status for post in posts].count("dispatched") == 1
    assert len(sent(crowd)) == 12


def test_a_crowd_of_one_instant_is_spread_one_to_a_turn_and_goes_out_apart(crowd: World, others: World):
    for world in (crowd, others):
        world.set(account_spacing_seconds=60.0)
    posts = [crowd.scheduled() for _ in range(24)]
    crowd.clock.set(IN_TEN_MINUTES)
    deliveries = [partial((crowd, others)[n % 2].dispatch, post) for n, post in enumerate(posts)]
    assert errors(together(deliveries)) == []
    assert len(sent(crowd)) == 1
    assert due_of(crowd, posts) == [IN_TEN_MINUTES + n * STEP for n in range(1, 24)]
    for instant in due_of(crowd, posts):
        crowd.clock.set(instant)
        (post,) = [post for post in posts if crowd.read(post).next_attempt_at == instant]
        assert errors(together([partial(crowd.dispatch, post), partial(others.dispatch, post)])) == []
    instants = send_instants(crowd, posts)
    assert sorted(sent(crowd)) == sorted(post.id for post in posts)
    assert all(later - earlier >= SPACING for earlier, later in pairwise(instants))


def test_a_cap_holds_against_a_crowd(crowd: World, others: World):
    for world in (crowd, others):
        world.set(account_daily_cap=3)
    posts = [crowd.scheduled() for _ in range(16)]
    crowd.clock.set(IN_TEN_MINUTES)
    deliveries = [partial((crowd, others)[n % 2].dispatch, post) for n, post in enumerate(posts)]
    assert errors(together(deliveries)) == []
    assert len(sent(crowd)) == 3
    assert due_of(crowd, posts) == [IN_TEN_MINUTES + (n // 3) * WINDOW for n in range(3, 16)]


def test_deliveries_of_one_post_at_once_are_one_send_and_move_nothing(crowd: World):
    crowd.set(account_spacing_seconds=60.0, account_daily_cap=50)
    for hour in range(6):
        post = crowd.scheduled(IN_TEN_MINUTES + hour * timedelta(hours=1))
        crowd.at_due(post)
        results = together([partial(crowd.dispatch, post)] * 8)
        assert errors(results) == []
        assert [result.status for result in results].count("dispatched") == 1
        assert crowd.reasons(post) == ["created", "scheduled", "claimed"]


def test_who_decides_second_sees_what_the_first_has_decided(crowd: World):
    crowd.set(account_spacing_seconds=60.0)
    first, second = crowd.scheduled(), crowd.scheduled()
    crowd.clock.set(IN_TEN_MINUTES)

    def at_the_first_commit() -> None:
        held.append(pool.submit(crowd.dispatch, second))
        wait_until_blocked(crowd.db)

    held: list[Future] = []
    with ThreadPoolExecutor(1) as pool:
        crowd.at_next_commit(at_the_first_commit)
        assert crowd.dispatch(first).status == "dispatched"
        assert held[0].result(PATIENCE).reason == "spaced"


def test_a_post_that_is_called_off_as_its_turn_comes_is_not_sent(crowd: World):
    crowd.set(account_spacing_seconds=60.0)
    for hour in range(6):
        post = crowd.scheduled(IN_TEN_MINUTES + hour * timedelta(hours=1))
        crowd.at_due(post)
        call_off = partial(schedule.unschedule, crowd.deps, USER, post.id)
        delivered, called_off = together([partial(crowd.dispatch, post), call_off])
        assert (post.id in sent(crowd)) is isinstance(called_off, Exception)
        assert delivered.status == ("dispatched" if post.id in sent(crowd) else "ignored")
