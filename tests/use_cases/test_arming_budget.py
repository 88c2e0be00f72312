"""The budget of alarms: one user's orders leave the message quota to others, and no post is lost."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from app.domain.errors import Unavailable
from app.domain.post import Post
from app.posts import schedule
from app.posts.schedule import Scheduled
from app.store.posts import armings
from app.sweep.sweep import sweep
from tests.support.fakes import START
from tests.support.world import USER, World

OTHER = "user-2"
TOMORROW, SOON = timedelta(days=1), timedelta(minutes=5)


@pytest.fixture
def limited(world: World) -> World:
    world.set(armings_per_user_hour=3)
    world.connect(external_id="urn:li:person:2", user=OTHER, token="token-2")
    return world


def order(world: World, after: timedelta = TOMORROW, user: str = USER) -> Scheduled:
    return world.schedule(world.draft(user=user), world.clock.now() + after)


def codes(ordered: Scheduled) -> list[str]:
    return [code for code, _ in ordered.warnings]


def spend_all(world: World) -> Post:
    """Spend the budget by reschedules of one post."""
    post = world.draft()
    for number in range(3):
        post = world.schedule(post, world.clock.now() + TOMORROW + timedelta(minutes=number)).post
        assert post.armed
    return post


def test_reschedules_beyond_the_budget_are_committed_and_not_armed(limited: World):
    post = spend_all(limited)
    at = limited.clock.now() + 2 * TOMORROW
    ordered = limited.schedule(post, at)
    assert (ordered.post.armed, "not_armed" in codes(ordered)) == (False, True)
    assert (limited.read(post).status, limited.read(post).scheduled_at) == ("scheduled", at)
    assert len(limited.messages.published) == 3
    assert any("hour" in message for code, message in ordered.warnings if code == "not_armed")


def test_thousands_of_reschedules_publish_no_more_messages_than_the_budget_and_its_reserve(limited: World):
    post = limited.draft()
    for number in range(30):
        post = limited.schedule(post, limited.clock.now() + (SOON if number % 2 else TOMORROW)).post
    assert len(limited.messages.published) <= 6


def test_another_users_posts_are_armed_beside_a_spent_budget(limited: World):
    spend_all(limited)
    assert order(limited, user=OTHER).post.armed


def test_post_due_soon_is_armed_beyond_the_budget_from_a_reserve(limited: World):
    spend_all(limited)
    assert [order(limited, SOON).post.armed for _ in range(4)] == [True, True, True, False]
    assert not order(limited).post.armed


def test_sweep_arms_the_rest_when_the_next_hour_begins(limited: World):
    spend_all(limited)
    posts = [order(limited).post for _ in range(5)]
    limited.clock.advance(minutes=5)
    assert sweep(limited.deps).armed == 0
    limited.clock.set(START.replace(minute=0) + timedelta(hours=1, seconds=1))
    assert sweep(limited.deps).armed == 3
    assert sweep(limited.deps).armed == 0
    limited.clock.advance(hours=1)
    assert sweep(limited.deps).armed == 2
    assert all(limited.read(post).armed for post in posts)


def test_sweep_arms_a_post_that_is_due_soon_beyond_the_budget(limited: World):
    spend_all(limited)
    post = order(limited, timedelta(minutes=40)).post
    assert not post.armed
    limited.clock.advance(minutes=24)
    assert sweep(limited.deps).armed == 0
    limited.clock.advance(minutes=2)
    assert sweep(limited.deps).armed == 1
    assert limited.read(post).armed


def test_sweep_arms_other_owners_beside_one_over_its_budget(limited: World):
    spend_all(limited)
    for _ in range(3):
        order(limited)
    limited.messages.publish_error = "unreachable"
    other = order(limited, user=OTHER).post
    limited.messages.publish_error = None
    limited.clock.advance(minutes=2)
    assert sweep(limited.deps).armed == 1
    assert limited.read(other).armed


def test_budget_that_cannot_be_read_blocks_no_order(limited: World, monkeypatch: pytest.MonkeyPatch):
    spend_all(limited)

    def away(*_args: object) -> bool:
        raise Unavailable("simulated outage")

    monkeypatch.setattr(armings, "spend", away)
    assert order(limited).post.armed


def test_parked_post_and_unschedule_spend_nothing(limited: World):
    for _ in range(5):
        order(limited, timedelta(days=30))
        schedule.unschedule(limited.deps, USER, order(limited, timedelta(days=30)).post.id)
    assert order(limited).post.armed


def test_spent_limit_counts_no_further_alarm(limited: World):
    now = limited.clock.now()
    with limited.db.autocommit() as connection:
        assert armings.spend(connection, USER, now, 1)
    with limited.db.autocommit() as connection:
        assert not armings.spend(connection, USER, now, 1)
    with limited.db.reading() as connection:
        assert armings.spent_by(connection, {USER, OTHER}, now) == {USER: 1}


def test_counts_of_past_hours_are_pruned(limited: World):
    spend_all(limited)
    limited.clock.advance(hours=4)
    sweep(limited.deps)
    assert hours(limited) == []


def hours(world: World) -> list[datetime]:
    with world.db.reading() as connection:
        return list(connection.execute(sa.text("SELECT hour FROM armings")).scalars())
