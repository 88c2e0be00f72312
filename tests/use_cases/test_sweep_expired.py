"""The sweep's first step: posts in flight with an expired lease, by their known outcome."""

from datetime import timedelta

import pytest

from app.domain.delivery import Dispatched
from app.sweep.sweep import sweep
from tests.support.fakes import unknown
from tests.support.world import IN_TEN_MINUTES, World


def test_send_that_never_began_is_retried_at_no_cost(world: World):
    post = world.crashed_before_send(platform="instagram")  # on Instagram an unknown outcome would be held
    swept = sweep(world.deps)
    assert (swept.expired, swept.held, swept.armed) == (1, 0, 1)
    after = world.read(post)
    assert (after.status, after.retry_count, after.next_attempt_at) == ("scheduled", 0, world.clock.now())
    assert (after.error_code, after.armed, after.generation) == (None, True, post.generation)
    assert world.outcomes(post) == ["not_sent"]
    assert world.reasons(post)[-1] == "lease_over_unsent"


def test_unknown_outcome_is_retried_while_linkedin_refuses_a_duplicate(world: World):
    post = world.expired()
    swept = sweep(world.deps)
    assert (swept.expired, swept.held, swept.armed) == (1, 0, 1)
    after = world.read(post)
    assert (after.status, after.retry_count, after.next_attempt_at) == ("scheduled", 1, world.clock.now())
    assert (after.lease_until, after.sending_at, after.armed) == (None, None, True)
    assert world.outcomes(post) == ["unknown"]
    assert world.dispatch(post) == Dispatched("dispatched")


@pytest.mark.parametrize("platform", ["instagram", "facebook"])
def test_unknown_outcome_is_held_on_a_platform_that_accepts_duplicates(world: World, platform: str):
    post = world.expired(platform=platform)
    swept = sweep(world.deps)
    assert (swept.expired, swept.held, swept.armed) == (1, 1, 0)
    after = world.read(post)
    assert (after.status, after.error_code, after.retry_count) == ("failed", "outcome_unknown", 0)
    assert after.error_message
    assert world.outcomes(post) == ["unknown"]
    assert world.reasons(post)[-1] == "lease_over_held"
    assert len(world.publisher.submissions) == 1


@pytest.mark.parametrize(
    ("policy", "platform", "status"),
    [("retry", "instagram", "scheduled"), ("hold", "linkedin", "failed"), ("hold", "facebook", "failed")],
)
def test_unknown_outcome_policy_overrides_the_platform_default(world: World, policy: str, platform: str, status: str):
    world.set(unknown_outcome_policy=policy)
    post = world.expired(platform=platform)
    sweep(world.deps)
    assert world.read(post).status == status


def test_unknown_outcome_without_retries_left_fails_the_post(world: World):
    post = world.expired()
    world.overwrite(post, retry_count=3)
    assert sweep(world.deps).held == 1
    after = world.read(post)
    assert (after.status, after.error_code) == ("failed", "outcome_unknown")


def test_lease_that_ends_at_this_instant_is_not_expired(world: World):
    world.expired()
    world.clock.advance(microseconds=-1)
    before = world.all_post_rows()
    assert sweep(world.deps).expired == 0
    assert world.all_post_rows() == before


def test_timed_out_send_is_swept_only_after_its_lease(world: World):
    post = world.due()
    world.publisher.answers(unknown())
    world.dispatch(post)
    world.clock.set(IN_TEN_MINUTES + timedelta(seconds=480))
    assert sweep(world.deps).expired == 0
    world.clock.advance(seconds=1)
    assert sweep(world.deps).expired == 1


def test_report_received_during_the_sweep_is_not_overwritten(world: World):
    post = world.expired()
    world.at_next_transaction(lambda: None)  # the lease of the sweep
    world.at_next_transaction(lambda: world.report_published(post))
    assert sweep(world.deps).expired == 0
    assert world.read(post).status == "published"
    assert world.outcomes(post) == ["published"]


def test_expired_post_that_cannot_be_armed_is_left_to_the_next_sweep(world: World):
    post = world.expired()
    world.messages.publish_error = "unreachable"
    swept = sweep(world.deps)
    assert (swept.expired, swept.armed) == (1, 0)
    assert world.read(post).status == "scheduled"
    world.messages.publish_error = None
    world.clock.advance(minutes=5)
    assert sweep(world.deps).recovered == 1


def test_sender_that_returns_after_its_post_was_swept_changes_nothing(world: World):
    post = world.due()

    def outlast_the_lease(_submission) -> None:
        world.publisher.during_send = None
        world.after_lease(post)
        sweep(world.deps)

    world.publisher.during_send = outlast_the_lease
    assert world.dispatch(post) == Dispatched("dispatched")
    after = world.read(post)
    assert (after.status, after.attempt, after.retry_count) == ("scheduled", 1, 1)
    assert world.reasons(post) == ["created", "scheduled", "claimed", "lease_over"]


def test_more_than_one_batch_of_expired_posts_is_swept(world: World):
    world.set(sweep_batch_size=2, unknown_outcome_policy="retry")  # without a report they would be held
    posts = [world.in_flight() for _ in range(5)]
    world.after_lease(posts[-1])
    assert sweep(world.deps).expired == 5
    assert {world.read(post).status for post in posts} == {"scheduled"}


def test_broken_row_does_not_stop_the_other_expired_posts(world: World):
    broken, sound = world.in_flight(), world.in_flight()
    world.overwrite(broken, platform="nowhere")
    world.after_lease(sound)
    assert sweep(world.deps).expired == 1
    assert (world.read(broken).status, world.read(sound).status) == ("publishing", "scheduled")
