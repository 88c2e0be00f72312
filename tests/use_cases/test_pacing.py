"""An account's pace at the instant: turns, moved posts, and the reason stored in the row."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.domain.delivery import Dispatched
from app.domain.explanations import SENTENCES
from app.domain.pacing import MARGIN
from app.domain.post import Post
from app.posts import schedule
from app.store.schema.tables import account_slots, breakers
from app.sweep.sweep import sweep
from tests.support.fakes import answered, not_sent
from tests.support.world import IN_TEN_MINUTES, USER, World

MINUTE = timedelta(minutes=1)
STEP = MINUTE + MARGIN
DAY = timedelta(hours=24)


@pytest.fixture
def spaced(world: World) -> World:
    world.set(account_spacing_seconds=60.0)
    return world


def moved_by(world: World, post: Post) -> timedelta:
    after = world.read(post)
    assert after.next_attempt_at is not None
    assert after.scheduled_at is not None
    return after.next_attempt_at - after.scheduled_at


def sent_post_ids(world: World) -> list[str]:
    return [submission.post_id for submission in world.publisher.submissions]


def deliver(world: World, *posts: Post) -> list[str]:
    """Dispatch the posts at their common instant. Return the reason of each result, `sent` for none."""
    world.clock.set(max(world.clock.now(), IN_TEN_MINUTES))
    return [world.dispatch(post).reason or "sent" for post in posts]


def test_dispatch_without_pacing_reads_and_writes_no_turns(world: World):
    post, seen = world.due(), []
    event.listen(world.db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    assert world.dispatch(post) == Dispatched("dispatched")
    assert len(seen) > 3
    assert not [statement for statement in seen if "account_slots" in statement or "account_turns" in statement]


def test_second_post_of_an_instant_is_moved_by_the_spacing_at_no_cost(spaced: World):
    first, second = spaced.scheduled(), spaced.scheduled()
    assert deliver(spaced, first, second) == ["sent", "spaced"]
    after = spaced.read(second)
    assert (after.status, after.retry_count, after.attempt, after.generation) == ("scheduled", 0, 0, 1)
    assert (after.scheduled_at, after.next_attempt_at) == (IN_TEN_MINUTES, IN_TEN_MINUTES + STEP)
    assert (after.error_code, after.error_message) == ("spaced", SENTENCES["spaced"])
    assert after.armed
    assert spaced.attempts(second) == []
    assert sent_post_ids(spaced) == [first.id]


def test_moved_post_is_sent_at_its_turn_and_its_notice_is_cleared(spaced: World):
    first, second = spaced.scheduled(), spaced.scheduled()
    deliver(spaced, first, second)
    spaced.at_due(second)
    assert spaced.dispatch(second) == Dispatched("dispatched")
    after = spaced.read(second)
    assert (after.status, after.error_code, after.error_message) == ("publishing", None, None)
    assert sent_post_ids(spaced) == [first.id, second.id]


def test_posts_of_one_instant_are_moved_one_spacing_apart(spaced: World):
    posts = [spaced.scheduled() for _ in range(4)]
    deliver(spaced, *posts)
    assert [moved_by(spaced, post) for post in posts[1:]] == [STEP, 2 * STEP, 3 * STEP]


def test_moved_posts_are_sent_in_their_assigned_order(spaced: World):
    posts = [spaced.scheduled(IN_TEN_MINUTES + timedelta(seconds=10 * n)) for n in range(4)]
    for post in posts:
        spaced.at_due(post)
        spaced.dispatch(post)
    late = timedelta(seconds=5)  # each alarm comes after its reserved slot
    for post in posts[1:]:
        while spaced.read(post).status == "scheduled":
            spaced.at_due(post)
            spaced.clock.set(spaced.clock.now() + late)
            spaced.dispatch(post)
    assert sent_post_ids(spaced) == [post.id for post in posts]


def test_moved_post_delivered_late_still_goes_before_later_ones(spaced: World):
    posts = [spaced.scheduled() for _ in range(3)]
    deliver(spaced, *posts)
    spaced.at_due(posts[1])
    spaced.clock.advance(seconds=0.5)
    assert spaced.dispatch(posts[1]) == Dispatched("dispatched")


def test_turn_deferred_by_the_breaker_costs_one_spacing(spaced: World):
    spaced.set(breaker_threshold=1)
    spaced.publisher.answers(not_sent())
    first, second, third = (spaced.scheduled(IN_TEN_MINUTES + n * 2 * STEP) for n in range(3))
    deliver(spaced, first)
    spaced.set(breaker_cooldown_seconds=600.0)
    with spaced.db.transaction() as tx:
        tx.execute(sa.update(breakers).values(probe_at=IN_TEN_MINUTES + 10 * MINUTE))
    spaced.at_due(second)
    assert spaced.dispatch(second).reason == "breaker_open"
    with spaced.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE breakers SET opened_at = NULL, probe_at = NULL, failures = 0")
    spaced.at_due(third)
    assert spaced.dispatch(third) == Dispatched("dispatched")


def test_post_scheduled_earlier_goes_before_moved_posts(spaced: World):
    first, second = spaced.scheduled(IN_TEN_MINUTES), spaced.scheduled(IN_TEN_MINUTES + MINUTE / 2)
    early = spaced.scheduled(IN_TEN_MINUTES + MINUTE / 4)
    spaced.at_due(first)
    spaced.dispatch(first)
    spaced.at_due(second)
    spaced.dispatch(second)
    spaced.dispatch(early)
    assert spaced.read(early).next_attempt_at == spaced.read(second).next_attempt_at == IN_TEN_MINUTES + STEP
    spaced.at_due(early)
    spaced.dispatch(early)
    spaced.dispatch(second)
    assert sent_post_ids(spaced) == [first.id, early.id]
    assert spaced.read(second).next_attempt_at == IN_TEN_MINUTES + 2 * STEP


def test_new_post_does_not_overtake_a_moved_one(spaced: World):
    first, second = spaced.scheduled(), spaced.scheduled()
    newcomer = spaced.scheduled(IN_TEN_MINUTES + STEP)
    deliver(spaced, first, second)
    spaced.at_due(newcomer)
    assert spaced.dispatch(newcomer).reason == "spaced"
    assert spaced.dispatch(second) == Dispatched("dispatched")
    assert moved_by(spaced, newcomer) == STEP


def test_slot_of_an_unscheduled_moved_post_is_free(spaced: World):
    first, second, third = (spaced.scheduled() for _ in range(3))
    deliver(spaced, first, second)
    schedule.unschedule(spaced.deps, USER, second.id)
    deliver(spaced, third)
    assert moved_by(spaced, third) == STEP


def test_accounts_are_paced_independently(spaced: World):
    assert deliver(spaced, spaced.scheduled(), spaced.scheduled(platform="facebook")) == ["sent", "sent"]


def test_second_delivery_during_the_turn_moves_nothing(spaced: World):
    post = spaced.due()
    answers = []
    spaced.at_next_transaction(lambda: None)  # the turn
    spaced.at_next_transaction(lambda: answers.append(spaced.dispatch(post)))  # between the turn and the claim
    assert spaced.dispatch(post) == Dispatched("ignored", "busy")
    assert answers == [Dispatched("dispatched")]
    assert spaced.reasons(post) == ["created", "scheduled", "claimed"]


def test_turn_is_reused_if_the_account_changed_before_the_claim(spaced: World):
    post = spaced.due()
    spaced.at_next_transaction(lambda: None)
    spaced.at_next_transaction(lambda: spaced.connect(token="token-2"))
    assert spaced.dispatch(post) == Dispatched("dispatched")
    assert spaced.publisher.submissions[0].access_token == "token-2"


def test_turn_of_an_unscheduled_post_delays_the_account_by_one_spacing(spaced: World):
    post, other = spaced.scheduled(), spaced.scheduled()
    spaced.clock.set(IN_TEN_MINUTES)
    spaced.at_next_transaction(lambda: None)
    spaced.at_next_transaction(lambda: schedule.unschedule(spaced.deps, USER, post.id))
    assert spaced.dispatch(post).status == "ignored"
    assert deliver(spaced, other) == ["spaced"]
    assert moved_by(spaced, other) == STEP


def test_post_unscheduled_before_its_turn_takes_no_turn(spaced: World):
    post, other = spaced.scheduled(), spaced.scheduled()
    spaced.clock.set(IN_TEN_MINUTES)
    spaced.at_next_transaction(lambda: schedule.unschedule(spaced.deps, USER, post.id))
    assert spaced.dispatch(post) == Dispatched("ignored", "changed")
    assert deliver(spaced, other) == ["sent"]


def test_retry_takes_its_own_turn(spaced: World):
    first, second = spaced.scheduled(), spaced.scheduled(IN_TEN_MINUTES + timedelta(seconds=100))
    spaced.publisher.answers(answered(500))
    deliver(spaced, first)
    spaced.at_due(second)
    assert spaced.dispatch(second) == Dispatched("dispatched")
    spaced.at_due(first)  # 20 seconds later
    assert spaced.dispatch(first).reason == "spaced"
    assert spaced.read(first).next_attempt_at == IN_TEN_MINUTES + timedelta(seconds=100) + STEP
    assert spaced.read(first).retry_count == 1


def test_delivery_waits_up_to_two_seconds_for_its_turn(spaced: World):
    first = spaced.scheduled()
    near = spaced.scheduled(IN_TEN_MINUTES + STEP - timedelta(seconds=2))
    deliver(spaced, first)
    spaced.at_due(near)
    assert spaced.dispatch(near) == Dispatched("dispatched")
    assert spaced.clock.now() == IN_TEN_MINUTES + STEP
    assert spaced.reasons(near) == ["created", "scheduled", "claimed"]
    far = spaced.scheduled(IN_TEN_MINUTES + 2 * STEP - timedelta(seconds=2, microseconds=1))
    spaced.at_due(far)
    assert spaced.dispatch(far).reason == "spaced"


def test_delivery_without_a_seat_is_moved_to_its_turn(spaced: World):
    first, near = spaced.scheduled(), spaced.scheduled(IN_TEN_MINUTES + MINUTE)
    deliver(spaced, first)
    spaced.at_due(near)
    spaced.with_deps(seats=None)
    assert spaced.dispatch(near) == Dispatched("retry_scheduled", "spaced")
    assert moved_by(spaced, near) == MARGIN


def test_early_delivery_without_a_seat_takes_no_turn(spaced: World):
    post, other = spaced.scheduled(), spaced.scheduled()
    spaced.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    seats = spaced.deps.seats
    spaced.with_deps(seats=None)
    assert spaced.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    spaced.with_deps(seats=seats)
    assert deliver(spaced, other) == ["sent"]


def test_turn_is_taken_at_the_instant_and_not_before(spaced: World):
    post = spaced.scheduled()
    spaced.clock.set(IN_TEN_MINUTES - timedelta(seconds=1))
    assert spaced.dispatch(post) == Dispatched("dispatched")
    with spaced.db.reading() as connection:
        assert connection.execute(sa.select(account_slots.c.free_at)).scalar_one() == IN_TEN_MINUTES + STEP


def test_time_added_by_pacing_does_not_count_as_lateness(spaced: World):
    spaced.set(max_lateness_seconds=30.0)
    first, second, third = (spaced.scheduled() for _ in range(3))
    deliver(spaced, first, second, third)
    spaced.at_due(second)
    assert spaced.dispatch(second) == Dispatched("dispatched")
    spaced.at_due(third)
    spaced.clock.advance(seconds=31)
    assert spaced.dispatch(third) == Dispatched("failed", "missed")


def test_sweep_in_poll_mode_sends_one_post_and_spaces_the_rest(spaced: World):
    posts = [spaced.scheduled(IN_TEN_MINUTES + timedelta(seconds=n)) for n in range(4)]
    spaced.with_deps(messages=None)
    spaced.clock.set(IN_TEN_MINUTES + MINUTE)
    for _ in range(5):
        sweep(spaced.deps)
        waiting = [current.next_attempt_at for current in map(spaced.read, posts) if current.status == "scheduled"]
        assert len(waiting) == len(set(waiting))
        spaced.clock.advance(minutes=1.5)
    assert sent_post_ids(spaced) == [post.id for post in posts]
