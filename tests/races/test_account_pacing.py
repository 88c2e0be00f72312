"""An account's spacing and daily cap hold for concurrent deliveries in several processes."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest

from app.domain.pacing import MARGIN, WINDOW
from app.domain.post import Post
from app.posts import schedule
from tests.support.threads import TIMEOUT_SECONDS, errors, run_together, wait_until_blocked
from tests.support.world import IN_TEN_MINUTES, USER, World

SPACING = timedelta(seconds=60)
STEP = SPACING + MARGIN


@pytest.fixture
def second_world(postgresql_url: str, pg_world: World) -> Iterator[World]:
    """A second process on the same database: its own engine, but the same clock and services."""
    made = World(postgresql_url)
    made.clock, made.publisher, made.messages = pg_world.clock, pg_world.publisher, pg_world.messages
    made.with_deps(clock=pg_world.clock, publisher=pg_world.publisher, messages=pg_world.messages)
    yield made
    made.close()


def sent(world: World) -> list[str]:
    return [submission.post_id for submission in world.publisher.submissions]


def due_of(world: World, posts: list[Post]) -> list[datetime]:
    return sorted(now.next_attempt_at for now in map(world.read, posts) if now.next_attempt_at is not None)


def send_instants(world: World, posts: list[Post]) -> list[datetime]:
    return sorted(attempt.started_at for post in posts for attempt in world.attempts(post))


def test_two_posts_of_one_instant_in_two_processes_keep_their_spacing(pg_world: World, second_world: World):
    for world in (pg_world, second_world):
        world.set(account_spacing_seconds=60.0)
    for hour in range(6):
        instant = IN_TEN_MINUTES + hour * timedelta(hours=1)
        posts = [pg_world.scheduled(instant), pg_world.scheduled(instant)]
        pg_world.clock.set(instant)
        results = run_together([partial(pg_world.dispatch, posts[0]), partial(second_world.dispatch, posts[1])])
        assert errors(results) == []
        assert sorted(result.reason or "sent" for result in results) == ["sent", "spaced"]
        assert due_of(pg_world, posts) == [instant + STEP]
        pg_world.clock.set(instant + STEP)
        assert [pg_world.dispatch(post).status for post in posts].count("dispatched") == 1
    assert len(sent(pg_world)) == 12


def test_many_posts_of_one_instant_are_sent_with_the_spacing_between_them(pg_world: World, second_world: World):
    for world in (pg_world, second_world):
        world.set(account_spacing_seconds=60.0)
    posts = [pg_world.scheduled() for _ in range(24)]
    pg_world.clock.set(IN_TEN_MINUTES)
    deliveries = [partial((pg_world, second_world)[n % 2].dispatch, post) for n, post in enumerate(posts)]
    assert errors(run_together(deliveries)) == []
    assert len(sent(pg_world)) == 1
    assert due_of(pg_world, posts) == [IN_TEN_MINUTES + n * STEP for n in range(1, 24)]
    for instant in due_of(pg_world, posts):
        pg_world.clock.set(instant)
        (post,) = [post for post in posts if pg_world.read(post).next_attempt_at == instant]
        assert errors(run_together([partial(pg_world.dispatch, post), partial(second_world.dispatch, post)])) == []
    instants = send_instants(pg_world, posts)
    assert sorted(sent(pg_world)) == sorted(post.id for post in posts)
    assert all(later - earlier >= SPACING for earlier, later in pairwise(instants))


def test_daily_cap_holds_for_concurrent_deliveries(pg_world: World, second_world: World):
    for world in (pg_world, second_world):
        world.set(account_daily_cap=3)
    posts = [pg_world.scheduled() for _ in range(16)]
    pg_world.clock.set(IN_TEN_MINUTES)
    deliveries = [partial((pg_world, second_world)[n % 2].dispatch, post) for n, post in enumerate(posts)]
    assert errors(run_together(deliveries)) == []
    assert len(sent(pg_world)) == 3
    assert due_of(pg_world, posts) == [IN_TEN_MINUTES + (n // 3) * WINDOW for n in range(3, 16)]


def test_concurrent_deliveries_of_one_post_are_one_send_without_deferral(pg_world: World):
    pg_world.set(account_spacing_seconds=60.0, account_daily_cap=50)
    for hour in range(6):
        post = pg_world.scheduled(IN_TEN_MINUTES + hour * timedelta(hours=1))
        pg_world.at_due(post)
        results = run_together([partial(pg_world.dispatch, post)] * 8)
        assert errors(results) == []
        assert [result.status for result in results].count("dispatched") == 1
        assert pg_world.reasons(post) == ["created", "scheduled", "claimed"]


def test_second_delivery_waits_for_the_first_and_is_spaced(pg_world: World):
    pg_world.set(account_spacing_seconds=60.0)
    first, second = pg_world.scheduled(), pg_world.scheduled()
    pg_world.clock.set(IN_TEN_MINUTES)

    def at_the_first_commit() -> None:
        held.append(pool.submit(pg_world.dispatch, second))
        wait_until_blocked(pg_world.db)

    held: list[Future] = []
    with ThreadPoolExecutor(1) as pool:
        pg_world.at_next_commit(at_the_first_commit)
        assert pg_world.dispatch(first).status == "dispatched"
        assert held[0].result(TIMEOUT_SECONDS).reason == "spaced"


def test_post_unscheduled_at_its_slot_is_sent_or_unscheduled_never_both(pg_world: World):
    pg_world.set(account_spacing_seconds=60.0)
    for hour in range(6):
        post = pg_world.scheduled(IN_TEN_MINUTES + hour * timedelta(hours=1))
        pg_world.at_due(post)
        cancel = partial(schedule.unschedule, pg_world.deps, USER, post.id)
        delivered, cancelled = run_together([partial(pg_world.dispatch, post), cancel])
        assert (post.id in sent(pg_world)) is isinstance(cancelled, Exception)
        assert delivered.status == ("dispatched" if post.id in sent(pg_world) else "ignored")
