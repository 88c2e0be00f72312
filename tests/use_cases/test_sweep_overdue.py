"""The sweep's second step: overdue posts go out again, even if the message service fails."""

from datetime import timedelta

import pytest

from app.domain.post import Post
from app.store.accounts import accounts
from app.sweep.sweep import sweep
from tests.support.fakes import answered
from tests.support.world import IN_TEN_MINUTES, USER, World

GRACE = timedelta(seconds=30)
JUST_OVERDUE = IN_TEN_MINUTES + GRACE + timedelta(microseconds=1)


def overdue(world: World, count: int) -> list[Post]:
    """Return posts whose messages are lost."""
    posts = [world.scheduled() for _ in range(count)]
    world.clock.set(JUST_OVERDUE)
    world.messages.published.clear()
    return posts


def overdue_and_just_armed(world: World, count: int) -> list[Post]:
    """Return overdue posts armed again so late that the messages may still come."""
    posts = overdue(world, count)
    return [world.overwrite(post, updated_at=IN_TEN_MINUTES + timedelta(seconds=1)) for post in posts]


def sent_post_ids(world: World) -> list[str]:
    return sorted(submission.post_id for submission in world.publisher.submissions)


def post_ids(posts: list[Post]) -> list[str]:
    return sorted(post.id for post in posts)


@pytest.mark.parametrize("armed", [True, False])
def test_overdue_post_whose_message_had_its_chance_is_dispatched_here(world: World, armed: bool):
    (post,) = overdue(world, 1)
    if not armed:
        world.overwrite(post, message_id=None)
    swept = sweep(world.deps)
    assert (swept.recovered, swept.total, swept.remaining, swept.failed) == (1, 1, 0, 0)
    assert sent_post_ids(world) == [post.id]
    assert world.attempts(post)[0].trigger == "sweep"
    assert world.messages.published == []


def test_post_whose_message_was_lost_is_five_and_a_half_minutes_late_at_most(world: World):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + GRACE)  # the last sweep for which the post is not overdue yet
    assert sweep(world.deps).total == 0
    world.clock.advance(minutes=5)
    sweep(world.deps)
    assert sent_post_ids(world) == [post.id]
    assert world.attempts(post)[0].lateness_ms == 330_000


def test_post_dated_by_a_clock_ahead_is_dispatched_here(world: World):
    (post,) = overdue(world, 1)
    world.overwrite(post, updated_at=JUST_OVERDUE + timedelta(hours=1))
    sweep(world.deps)
    assert sent_post_ids(world) == [post.id]


def test_overdue_posts_for_which_the_time_is_short_are_rearmed_in_batches(world: World):
    world.set(sweep_batch_size=4, sweep_budget_seconds=25.0)
    posts = overdue(world, 10)
    world.publisher.during_send = lambda _: world.clock.advance(seconds=9)
    swept = sweep(world.deps)
    assert (swept.recovered, swept.remaining) == (10, 0)
    assert len(sent_post_ids(world)) == 2
    assert [len(batch) for batch in world.messages.batches] == [2, 4, 2]
    armed = [alarm.post_id for alarm in world.messages.published]
    assert sorted([*armed, *sent_post_ids(world)]) == post_ids(posts)


def test_overdue_post_just_armed_is_rearmed_for_now(world: World):
    (post,) = overdue_and_just_armed(world, 1)
    swept = sweep(world.deps)
    assert (swept.recovered, swept.total, swept.remaining, swept.failed) == (1, 1, 0, 0)
    after = world.read(post)
    assert (after.status, after.message_id, after.swept_at) == ("scheduled", "msg_2", JUST_OVERDUE)
    assert (after.next_attempt_at, after.generation) == (IN_TEN_MINUTES, 1)
    (alarm,) = world.messages.published
    assert alarm.not_before <= JUST_OVERDUE.timestamp()
    assert alarm.arm_count == 2
    assert world.publisher.submissions == []


def test_post_within_its_grace_is_left_to_the_message_service(world: World):
    overdue(world, 1)
    world.clock.advance(microseconds=-1)
    assert sweep(world.deps).total == 0
    assert world.messages.published == []


def test_overdue_posts_are_rearmed_in_batches(world: World):
    world.set(sweep_batch_size=2)
    posts = overdue_and_just_armed(world, 5)
    assert sweep(world.deps).recovered == 5
    assert [len(batch) for batch in world.messages.batches] == [2, 2, 1]
    assert post_ids(posts) == sorted(alarm.post_id for alarm in world.messages.published)


def test_post_rearmed_by_an_earlier_sweep_is_dispatched_here(world: World):
    (post,) = overdue_and_just_armed(world, 1)
    sweep(world.deps)
    world.clock.advance(minutes=5)
    swept = sweep(world.deps)
    assert (swept.recovered, swept.total) == (1, 1)
    assert sent_post_ids(world) == [post.id]
    assert world.attempts(post)[0].trigger == "sweep"
    assert len(world.messages.published) == 1


@pytest.mark.parametrize("code", ["unreachable", "quota_exceeded", "unauthorized"])
def test_overdue_posts_are_dispatched_here_if_the_message_service_fails(world: World, code: str):
    posts = overdue(world, 3)
    world.messages.publish_error = code
    swept = sweep(world.deps)
    assert (swept.recovered, swept.total, swept.remaining) == (3, 3, 0)
    assert sent_post_ids(world) == post_ids(posts)


def test_failed_message_service_is_not_tried_again_in_the_same_run(world: World):
    world.set(sweep_batch_size=2)
    posts = overdue_and_just_armed(world, 6)
    world.messages.publish_error = "unreachable"
    assert sweep(world.deps).recovered == 6
    assert len(world.messages.batches) == 1
    assert sent_post_ids(world) == post_ids(posts)


def test_single_refused_post_is_dispatched_here_and_the_others_are_rearmed(world: World):
    posts = overdue_and_just_armed(world, 3)
    world.messages.refused_posts = {posts[1].id}
    assert sweep(world.deps).recovered == 3
    assert sent_post_ids(world) == [posts[1].id]


def test_rearmed_post_delivered_twice_is_sent_once(world: World):
    (post,) = overdue_and_just_armed(world, 1)
    sweep(world.deps)
    assert [world.dispatch(post, message_id=message).status for message in ("msg_2", "msg_1")] == [
        "dispatched",
        "ignored",
    ]
    assert len(world.publisher.submissions) == 1


def test_delivery_during_the_rearm_is_sent_once(world: World):
    (post,) = overdue_and_just_armed(world, 1)
    world.messages.during_publish = lambda _alarm, message: world.dispatch(post, message_id=message)
    assert sweep(world.deps).recovered == 1
    assert world.read(post).status == "publishing"
    assert len(world.publisher.submissions) == 1
    assert "msg_2" in world.messages.cancelled


def test_retry_of_a_swept_post_is_rearmed_again(world: World):
    (post,) = overdue_and_just_armed(world, 1)
    sweep(world.deps)
    world.publisher.answers(answered(500))
    world.dispatch(post)
    world.at_due(post)
    world.clock.advance(minutes=1)
    world.overwrite(post, updated_at=world.clock.now())
    world.messages.published.clear()
    assert sweep(world.deps).recovered == 1
    assert len(world.messages.published) == 1
    assert len(world.publisher.submissions) == 1


def test_failures_of_posts_dispatched_here_are_counted(world: World):
    overdue(world, 2)
    world.messages.publish_error = "unreachable"
    world.publisher.answers(answered(400))
    swept = sweep(world.deps)
    assert (swept.recovered, swept.failed) == (2, 1)


def test_concurrent_dispatches_are_limited_by_the_setting(world: World):
    limits = []

    def run_many(work, items, at_a_time):
        limits.append(at_a_time)
        return [work(item) for item in items]

    overdue_and_just_armed(world, 2)
    world.set(cron_concurrency=3)
    world.with_deps(run_many=run_many)
    world.messages.publish_error = "unreachable"
    sweep(world.deps)
    assert limits == [3]


def test_broken_row_is_set_aside_and_does_not_stop_the_others(world: World):
    poison = world.connect("facebook", "poison")
    with world.db.transaction() as tx:
        accounts.change(tx, poison.id, USER, {"access_token": "poison"}, world.clock.now())
    broken = world.schedule(world.draft(platform="facebook", social_account_id=poison.id)).post
    sound = overdue(world, 2)
    world.messages.publish_error = "unreachable"
    swept = sweep(world.deps)
    assert swept.recovered == 2
    assert sent_post_ids(world) == post_ids(sound)
    after = world.read(broken)
    assert (after.status, after.next_attempt_at) == ("scheduled", JUST_OVERDUE + timedelta(minutes=5))
    assert (after.retry_count, after.scheduled_at, world.reasons(broken)[-1]) == (0, IN_TEN_MINUTES, "set_aside")


def test_batch_of_broken_rows_does_not_hide_the_rest(world: World):
    world.set(sweep_batch_size=1)
    poison = world.connect("facebook", "poison")
    with world.db.transaction() as tx:
        accounts.change(tx, poison.id, USER, {"access_token": "poison"}, world.clock.now())
    for seconds in range(3):
        draft = world.draft(platform="facebook", social_account_id=poison.id)
        world.schedule(draft, IN_TEN_MINUTES - timedelta(seconds=10 - seconds))
    sound = overdue(world, 2)
    world.messages.publish_error = "unreachable"
    sweep(world.deps)
    assert sent_post_ids(world) == post_ids(sound)


def test_sweep_does_not_fail_held_posts(world: World):
    posts = overdue(world, 2)
    world.require_reconnect()
    world.messages.publish_error = "unreachable"
    sweep(world.deps)
    assert {(world.read(p).status, world.read(p).retry_count) for p in posts} == {("scheduled", 0)}
    assert sent_post_ids(world) == []
