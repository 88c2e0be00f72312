"""The sweep, second step: posts that are overdue go out again, and the net does not hang on the rope that broke."""

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
    posts = [world.scheduled() for _ in range(count)]
    world.clock.set(JUST_OVERDUE)
    world.messages.published.clear()
    return posts


def sent(world: World) -> list[str]:
    return sorted(submission.post_id for submission in world.publisher.submissions)


def ids(posts: list[Post]) -> list[str]:
    return sorted(post.id for post in posts)


def test_an_overdue_post_is_given_to_the_message_service_for_now(world: World):
    (post,) = overdue(world, 1)
    swept = sweep(world.deps)
    assert (swept.recovered, swept.total, swept.remaining, swept.failed) == (1, 1, 0, 0)
    now = world.read(post)
    assert (now.status, now.message_id, now.swept_at) == ("scheduled", "msg_2", JUST_OVERDUE)
    assert (now.next_attempt_at, now.generation) == (IN_TEN_MINUTES, 1)
    (alarm,) = world.messages.published
    assert alarm.not_before <= JUST_OVERDUE.timestamp()
    assert alarm.arm_count == 2
    assert world.publisher.submissions == []


def test_within_its_grace_the_message_service_is_left_to_deliver(world: World):
    overdue(world, 1)
    world.clock.advance(microseconds=-1)
    assert sweep(world.deps).total == 0
    assert world.messages.published == []


def test_overdue_posts_are_given_away_in_batches(world: World):
    world.set(sweep_batch_size=2)
    posts = overdue(world, 5)
    assert sweep(world.deps).recovered == 5
    assert [len(batch) for batch in world.messages.batches] == [2, 2, 1]
    assert ids(posts) == sorted(alarm.post_id for alarm in world.messages.published)


def test_what_an_earlier_sweep_gave_away_to_no_avail_is_dispatched_here(world: World):
    (post,) = overdue(world, 1)
    sweep(world.deps)
    world.clock.advance(minutes=5)
    swept = sweep(world.deps)
    assert (swept.recovered, swept.total) == (1, 1)
    assert sent(world) == [post.id]
    assert world.attempts(post)[0].trigger == "sweep"
    assert len(world.messages.published) == 1


@pytest.mark.parametrize("code", ["unreachable", "quota_exceeded", "unauthorized"])
def test_where_the_message_service_takes_nothing_the_posts_are_dispatched_here(world: World, code: str):
    posts = overdue(world, 3)
    world.messages.refusing = code
    swept = sweep(world.deps)
    assert (swept.recovered, swept.total, swept.remaining) == (3, 3, 0)
    assert sent(world) == ids(posts)


def test_once_the_rope_broke_it_is_not_tried_again_in_this_run(world: World):
    world.set(sweep_batch_size=2)
    posts = overdue(world, 6)
    world.messages.refusing = "unreachable"
    assert sweep(world.deps).recovered == 6
    assert len(world.messages.batches) == 1
    assert sent(world) == ids(posts)


def test_one_post_that_is_refused_alone_is_dispatched_here_and_the_others_go_the_usual_way(world: World):
    posts = overdue(world, 3)
    world.messages.refused_posts = {posts[1].id}
    assert sweep(world.deps).recovered == 3
    assert sent(world) == [posts[1].id]


def test_a_post_that_is_given_away_and_delivered_twice_is_sent_once(world: World):
    (post,) = overdue(world, 1)
    sweep(world.deps)
    assert [world.dispatch(post, message_id=message).status for message in ("msg_2", "msg_1")] == [
        "dispatched",
        "ignored",
    ]
    assert len(world.publisher.submissions) == 1


def test_a_delivery_that_comes_while_the_sweep_gives_the_post_away_is_no_trouble(world: World):
    (post,) = overdue(world, 1)
    world.messages.during_publish = lambda _alarm, message: world.dispatch(post, message_id=message)
    assert sweep(world.deps).recovered == 1
    assert world.read(post).status == "publishing"
    assert len(world.publisher.submissions) == 1
    assert "msg_2" in world.messages.cancelled


def test_a_retry_is_given_to_the_message_service_again_though_its_first_try_was_swept(world: World):
    (post,) = overdue(world, 1)
    sweep(world.deps)
    world.publisher.answers(answered(500))
    world.dispatch(post)
    world.at_due(post)
    world.clock.advance(minutes=1)
    world.messages.published.clear()
    assert sweep(world.deps).recovered == 1
    assert len(world.messages.published) == 1
    assert len(world.publisher.submissions) == 1


def test_failures_of_what_is_dispatched_here_are_counted(world: World):
    overdue(world, 2)
    world.messages.refusing = "unreachable"
    world.publisher.answers(answered(400))
    swept = sweep(world.deps)
    assert (swept.recovered, swept.failed) == (2, 1)


def test_at_most_so_many_are_dispatched_here_at_a_time_as_the_operator_allows(world: World):
    asked = []

    def run_many(work, items, at_a_time):
        asked.append(at_a_time)
        return [work(item) for item in items]

    overdue(world, 2)
    world.set(cron_concurrency=3)
    world.with_deps(run_many=run_many)
    world.messages.refusing = "unreachable"
    sweep(world.deps)
    assert asked == [3]


def test_a_row_that_breaks_whoever_handles_it_is_set_aside_and_does_not_stop_the_others(world: World):
    poison = world.connect("facebook", "poison")
    with world.db.transaction() as tx:
        accounts.change(tx, poison.id, USER, {"access_token": "poison"}, world.clock.now())
    broken = world.schedule(world.draft(platform="facebook", social_account_id=poison.id)).post
    sound = overdue(world, 2)
    world.messages.refusing = "unreachable"
    swept = sweep(world.deps)
    assert swept.recovered == 2
    assert sent(world) == ids(sound)
    now = world.read(broken)
    assert (now.status, now.next_attempt_at) == ("scheduled", JUST_OVERDUE + timedelta(minutes=5))
    assert (now.retry_count, now.scheduled_at, world.reasons(broken)[-1]) == (0, IN_TEN_MINUTES, "set_aside")


def test_a_stuck_batch_of_broken_rows_does_not_hide_the_rest(world: World):
    world.set(sweep_batch_size=1)
    poison = world.connect("facebook", "poison")
    with world.db.transaction() as tx:
        accounts.change(tx, poison.id, USER, {"access_token": "poison"}, world.clock.now())
    for seconds in range(3):
        draft = world.draft(platform="facebook", social_account_id=poison.id)
        world.schedule(draft, IN_TEN_MINUTES - timedelta(seconds=10 - seconds))
    sound = overdue(world, 2)
    world.messages.refusing = "unreachable"
    sweep(world.deps)
    assert sent(world) == ids(sound)


def test_held_posts_are_not_burned_by_the_sweep(world: World):
    posts = overdue(world, 2)
    world.token_is_refused()
    world.messages.refusing = "unreachable"
    sweep(world.deps)
    assert {(world.read(p).status, world.read(p).retry_count) for p in posts} == {("scheduled", 0)}
    assert sent(world) == []
