"""The sweep, first step: posts in flight whose lease is over, by what can be known of them."""

from datetime import timedelta

import pytest

from app.delivery.settle import Dispatched
from app.sweep.sweep import sweep
from tests.support.fakes import unknown
from tests.support.world import IN_TEN_MINUTES, World


def test_a_send_that_never_began_is_tried_again_at_no_cost(world: World):
    post = world.died_unsent(platform="instagram")  # where an unknown outcome would be held
    swept = sweep(world.deps)
    assert (swept.expired, swept.held, swept.armed) == (1, 0, 1)
    now = world.read(post)
    assert (now.status, now.retry_count, now.next_attempt_at) == ("scheduled", 0, world.clock.now())
    assert (now.error_code, now.armed, now.generation) == (None, True, post.generation)
    assert world.outcomes(post) == ["not_sent"]
    assert world.reasons(post)[-1] == "lease_over_unsent"


@pytest.mark.parametrize("platform", ["linkedin", "facebook"])
def test_where_the_platform_refuses_duplicates_an_unknown_outcome_is_tried_again(world: World, platform: str):
    post = world.expired(platform=platform)
    swept = sweep(world.deps)
    assert (swept.expired, swept.held, swept.armed) == (1, 0, 1)
    now = world.read(post)
    assert (now.status, now.retry_count, now.next_attempt_at) == ("scheduled", 1, world.clock.now())
    assert (now.lease_until, now.sending_at, now.armed) == (None, None, True)
    assert world.outcomes(post) == ["unknown"]
    assert world.dispatch(post) == Dispatched("dispatched")


def test_where_nothing_would_stop_a_second_copy_an_unknown_outcome_is_held_for_a_person(world: World):
    post = world.expired(platform="instagram")
    swept = sweep(world.deps)
    assert (swept.expired, swept.held, swept.armed) == (1, 1, 0)
    now = world.read(post)
    assert (now.status, now.error_code, now.retry_count) == ("failed", "outcome_unknown", 0)
    assert now.error_message
    assert world.outcomes(post) == ["unknown"]
    assert world.reasons(post)[-1] == "lease_over_held"
    assert len(world.publisher.submissions) == 1


@pytest.mark.parametrize(
    ("policy", "platform", "status"),
    [("retry", "instagram", "scheduled"), ("hold", "linkedin", "failed"), ("hold", "facebook", "failed")],
)
def test_the_operators_policy_goes_before_the_platforms(world: World, policy: str, platform: str, status: str):
    world.set(unknown_outcome_policy=policy)
    post = world.expired(platform=platform)
    sweep(world.deps)
    assert world.read(post).status == status


def test_an_unknown_outcome_with_the_budget_spent_fails_the_post(world: World):
    post = world.expired()
    world.overwrite(post, retry_count=3)
    assert sweep(world.deps).held == 1
    now = world.read(post)
    assert (now.status, now.error_code) == ("failed", "outcome_unknown")


def test_a_lease_that_ends_this_instant_is_not_over_yet(world: World):
    world.expired()
    world.clock.advance(microseconds=-1)
    before = world.everything()
    assert sweep(world.deps).expired == 0
    assert world.everything() == before


def test_a_timed_out_send_is_swept_after_its_lease_and_not_before(world: World):
    post = world.due()
    world.publisher.answers(unknown())
    world.dispatch(post)
    world.clock.set(IN_TEN_MINUTES + timedelta(seconds=600))
    assert sweep(world.deps).expired == 0
    world.clock.advance(seconds=1)
    assert sweep(world.deps).expired == 1


def test_a_report_that_comes_while_the_sweep_decides_is_not_overwritten(world: World):
    post = world.expired()
    world.at_next_transaction(lambda: None)  # the lease of the sweep
    world.at_next_transaction(lambda: world.report_published(post))
    assert sweep(world.deps).expired == 0
    assert world.read(post).status == "published"
    assert world.outcomes(post) == ["published"]


def test_an_expired_post_that_cannot_be_armed_is_left_to_the_next_sweep(world: World):
    post = world.expired()
    world.messages.refusing = "unreachable"
    swept = sweep(world.deps)
    assert (swept.expired, swept.armed) == (1, 0)
    assert world.read(post).status == "scheduled"
    world.messages.refusing = None
    world.clock.advance(minutes=5)
    assert sweep(world.deps).recovered == 1


def test_a_sender_that_comes_back_after_the_sweep_took_its_post_changes_nothing(world: World):
    post = world.due()

    def sleep_over_the_lease(_submission) -> None:
        world.publisher.during_send = None
        world.after_lease(post)
        sweep(world.deps)

    world.publisher.during_send = sleep_over_the_lease
    assert world.dispatch(post) == Dispatched("dispatched")
    now = world.read(post)
    assert (now.status, now.attempt, now.retry_count) == ("scheduled", 1, 1)
    assert world.reasons(post) == ["created", "scheduled", "claimed", "lease_over"]


def test_more_than_one_batch_of_expired_posts_is_swept(world: World):
    world.set(sweep_batch_size=2)
    posts = [world.in_flight() for _ in range(5)]
    world.after_lease(posts[-1])
    assert sweep(world.deps).expired == 5
    assert {world.read(post).status for post in posts} == {"scheduled"}


def test_a_row_that_breaks_whoever_handles_it_does_not_stop_the_other_expired_ones(world: World):
    broken, sound = world.in_flight(), world.in_flight()
    world.overwrite(broken, platform="nowhere")
    world.after_lease(sound)
    assert sweep(world.deps).expired == 1
    assert (world.read(broken).status, world.read(sound).status) == ("publishing", "scheduled")
