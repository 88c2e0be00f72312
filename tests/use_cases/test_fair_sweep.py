"""Fair shares in the sweep and in poll mode: one owner's backlog delays no post of another owner."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.domain.post import Post
from app.store.posts import reservations
from app.store.schema.tables import posts
from app.sweep.poll import RESERVED_FOR
from app.sweep.sweep import poll, sweep
from tests.support.rows import post_row
from tests.support.world import IN_TEN_MINUTES, USER, World

OTHER = "user-2"
BACKLOG = 30  # three batches


@pytest.fixture
def crowded(world: World) -> World:
    """Return a world with small batches and a second user."""
    world.set(sweep_batch_size=10, poll_batch_size=10, cron_concurrency=1)
    world.connect(external_id="urn:li:person:2", user=OTHER, token="token-2")
    return world


def backlog_and_one(world: World) -> Post:
    """Schedule the backlog of one user, and one later post of another user. Let all be overdue."""
    for number in range(BACKLOG):
        world.scheduled(IN_TEN_MINUTES + timedelta(milliseconds=number))
    one = world.scheduled(IN_TEN_MINUTES + timedelta(seconds=1), user=OTHER)
    world.clock.set(IN_TEN_MINUTES + timedelta(minutes=2))
    return one


def position(world: World, post: Post) -> int:
    """Return how many posts were sent before this one."""
    return [submission.post_id for submission in world.publisher.submissions].index(post.id)


def test_sweep_sends_another_owners_overdue_post_second(crowded: World):
    one = backlog_and_one(crowded)
    assert sweep(crowded.deps).recovered == BACKLOG + 1
    assert position(crowded, one) == 1


def test_sweep_rearms_a_fresh_overdue_post_before_it_sends_the_rest_of_the_batch(crowded: World):
    one = backlog_and_one(crowded)
    crowded.overwrite(one, updated_at=crowded.clock.now() - timedelta(seconds=1))
    sent_before = []
    crowded.messages.during_publish = lambda alarm, _: sent_before.append(
        (alarm.post_id, len(crowded.publisher.submissions))
    )
    sweep(crowded.deps)
    assert sent_before == [(one.id, 0)]


def test_poll_sends_another_owners_due_post_second(crowded: World):
    crowded.with_deps(messages=None)
    one = backlog_and_one(crowded)
    assert poll(crowded.deps).recovered == BACKLOG + 1
    assert position(crowded, one) == 1


def test_sweep_arms_another_owners_unarmed_post_in_the_first_batch(crowded: World):
    crowded.messages.publish_error = "unreachable"
    for number in range(BACKLOG):
        crowded.scheduled(IN_TEN_MINUTES + timedelta(hours=1, seconds=number))
    one = crowded.scheduled(IN_TEN_MINUTES + timedelta(hours=2), user=OTHER)
    crowded.messages.publish_error = None
    crowded.clock.advance(minutes=2)
    crowded.messages.batches.clear()
    assert sweep(crowded.deps).armed == BACKLOG + 1
    assert one.id in [alarm.post_id for alarm in crowded.messages.batches[0]]


def test_sweep_ends_another_owners_lease_second(crowded: World):
    for _ in range(BACKLOG):
        crowded.in_flight()
    crowded.clock.advance(seconds=1)  # equal leases would end in the order of their random ids
    one = crowded.in_flight(user=OTHER)
    crowded.after_lease(one)
    sweep(crowded.deps)
    ended = sa.text("SELECT post_id FROM transitions WHERE reason LIKE 'lease_over%' ORDER BY id")
    with crowded.db.reading() as connection:
        order = [str(row[0]).replace("-", "") for row in connection.execute(ended)]
    assert order.index(one.id.replace("-", "")) == 1


def test_change_of_address_rearms_another_owners_post_in_the_first_batch(crowded: World):
    sweep(crowded.deps)
    for number in range(BACKLOG):
        crowded.scheduled(IN_TEN_MINUTES + timedelta(hours=1, seconds=number))
    one = crowded.scheduled(IN_TEN_MINUTES + timedelta(hours=2), user=OTHER)
    crowded.set(public_base_url="https://moved.test")
    crowded.messages.batches.clear()
    assert sweep(crowded.deps).armed == BACKLOG + 1
    assert one.id in [alarm.post_id for alarm in crowded.messages.batches[0]]


def test_one_post_is_reserved_first_beside_thousands_of_older_ones(crowded: World):
    at = crowded.clock.now()
    with crowded.db.transaction() as tx:
        rows = [
            post_row("scheduled", user_id=USER, next_attempt_at=at + timedelta(milliseconds=number))
            for number in range(3_000)
        ]
        tx.execute(sa.insert(posts), rows)
        one = post_row("scheduled", user_id=OTHER, next_attempt_at=at + timedelta(minutes=1))
        tx.execute(sa.insert(posts), one)
    now = crowded.clock.advance(minutes=2)
    with crowded.db.transaction() as tx:
        taken = reservations.take(tx, now, now - RESERVED_FOR, 10)
    assert [post.id for post in taken].index(one["id"]) == 1
    assert len(taken) == 10
