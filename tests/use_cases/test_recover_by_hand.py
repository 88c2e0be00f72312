"""Recovering by hand: due now with a fresh budget, or failed; and never a second copy that nobody forced."""

from datetime import timedelta

import pytest

from app.delivery.settle import Dispatched
from app.domain.errors import Conflict, Invalid
from app.domain.post import Post
from app.posts import drafts, schedule
from app.sweep.sweep import sweep
from tests.support.world import USER, World


def recover(world: World, post: Post, action: str = "retry", force: bool = False) -> Post:
    return schedule.recover(world.deps, USER, post.id, action, force)


def held(world: World) -> Post:
    """An Instagram post of which nobody can tell whether it is out."""
    post = world.expired(platform="instagram")
    sweep(world.deps)
    now = world.read(post)
    assert (now.status, now.error_code) == ("failed", "outcome_unknown")
    return now


def test_a_retry_of_a_failed_post_is_due_now_with_a_fresh_budget_and_armed(world: World):
    post = world.failed()
    world.clock.advance(minutes=5)
    now = recover(world, post)
    assert (now.status, now.next_attempt_at, now.retry_count) == ("scheduled", world.clock.now(), 0)
    assert (now.generation, now.attempt, now.error_code) == (post.generation + 1, 1, None)
    assert now.armed
    assert world.dispatch(now) == Dispatched("dispatched")
    assert [sent.attempt for sent in world.publisher.submissions] == [1, 2]


def test_a_retry_past_the_lease_takes_the_post_out_of_dead_hands(world: World):
    post = world.expired()
    now = recover(world, post)
    assert (now.status, now.lease_until, now.sending_at) == ("scheduled", None, None)
    assert world.outcomes(post) == ["unknown"]
    assert world.reasons(post)[-1] == "retried_by_hand"


def test_failing_a_post_past_its_lease_writes_down_that_a_hand_did_it(world: World):
    post = world.expired()
    now = recover(world, post, "fail")
    assert (now.status, now.error_code, now.generation) == ("failed", "failed_by_hand", post.generation + 1)
    assert now.error_message
    assert world.outcomes(post) == ["unknown"]
    assert world.transitions(post)[-1].actor == "user:user-1"


def test_failing_a_failed_post_writes_nothing(world: World):
    post = world.failed()
    before = world.everything()
    assert recover(world, post, "fail") == post
    assert world.everything() == before


@pytest.mark.parametrize("action", ["retry", "fail"])
def test_at_the_very_end_of_the_lease_the_post_is_still_in_somebodys_hands(world: World, action: str):
    post = world.expired()
    world.clock.advance(microseconds=-1)
    with pytest.raises(Conflict) as refused:
        recover(world, post, action)
    assert refused.value.code == "in_flight"
    assert world.read(post) == post


def test_where_a_second_copy_might_come_of_it_a_retry_must_be_forced(world: World):
    post = held(world)
    with pytest.raises(Conflict) as refused:
        recover(world, post)
    assert refused.value.code == "force_required"
    assert world.read(post) == post
    assert recover(world, post, force=True).status == "scheduled"


def test_past_the_lease_of_a_send_that_began_a_retry_must_be_forced_too(world: World):
    post = world.expired(platform="instagram")
    with pytest.raises(Conflict) as refused:
        recover(world, post)
    assert refused.value.code == "force_required"
    assert world.outcomes(post) == ["accepted"]
    assert recover(world, post, force=True).status == "scheduled"


def test_a_send_that_never_began_needs_no_force(world: World):
    post = world.died_unsent(platform="instagram")
    assert recover(world, post).status == "scheduled"


def test_a_platform_that_refuses_duplicates_needs_no_force(world: World):
    assert recover(world, world.expired()).status == "scheduled"


@pytest.mark.parametrize(
    ("policy", "platform", "needs_force"),
    [("hold", "linkedin", True), ("retry", "instagram", False), ("auto", "facebook", False)],
)
def test_the_operators_policy_decides_what_needs_force(world: World, policy: str, platform: str, needs_force: bool):
    world.set(unknown_outcome_policy=policy)
    post = world.expired(platform=platform)
    if needs_force:
        with pytest.raises(Conflict):
            recover(world, post)
    else:
        assert recover(world, post).status == "scheduled"


def test_a_known_failure_needs_no_force_on_any_platform(world: World):
    assert recover(world, world.failed(platform="instagram")).status == "scheduled"


def test_a_retry_of_a_post_that_a_hand_failed_while_its_outcome_was_unknown_must_be_forced(world: World):
    post = world.expired(platform="instagram")
    recover(world, post, "fail")
    with pytest.raises(Conflict) as refused:
        recover(world, post)
    assert refused.value.code == "force_required"


def test_a_forced_retry_that_fails_leaves_the_question_of_the_first_one_open(world: World):
    post = held(world)
    again = recover(world, post, force=True)
    world.dispatch(again)
    world.report_failed(post, http_status=400, attempt=2)
    with pytest.raises(Conflict) as refused:
        recover(world, post)
    assert refused.value.code == "force_required"
    world.report_failed(post, http_status=400, attempt=1)
    assert recover(world, post).status == "scheduled"


def test_a_retry_that_cannot_be_armed_is_left_to_the_sweep(world: World):
    post = world.failed()
    world.messages.refusing = "unreachable"
    now = recover(world, post)
    assert (now.status, now.armed) == ("scheduled", False)


def test_a_message_of_before_the_retry_by_hand_is_stale(world: World):
    post = world.failed()
    recover(world, post)
    assert world.dispatch(post) == Dispatched("ignored", "stale")


def test_a_retry_by_hand_that_loses_the_race_to_the_sweep_closes_no_attempt(world: World):
    post = world.expired()
    world.at_next_transaction(lambda: sweep(world.deps))
    with pytest.raises(Conflict) as refused:
        recover(world, post)
    assert refused.value.code == "not_recoverable"
    assert world.reasons(post)[-1] == "lease_over"


def test_a_late_report_that_a_post_failed_by_hand_is_out_is_believed(world: World):
    post = world.expired()
    recover(world, post, "fail")
    world.clock.advance(minutes=1)
    assert world.report_published(post).applied
    now = world.read(post)
    assert (now.status, now.error_code, now.external_post_id) == ("published", None, "urn:li:share:1")
    assert now.published_at == world.clock.now()
    assert now.updated_at - post.updated_at > timedelta(0)


def test_a_failed_post_that_its_platform_would_refuse_is_not_sent_again_by_hand(world: World):
    post = world.failed()

    def edit_and_retry() -> None:
        drafts.edit_post(world.deps, USER, post.id, {"content": "x" * 3001})
        recover(world, post)

    with pytest.raises(Invalid) as refused:
        edit_and_retry()
    assert refused.value.code == "platform_limits"


def test_scheduling_anew_what_may_be_out_must_be_forced_too(world: World):
    post = held(world)
    with pytest.raises(Conflict) as refused:
        world.schedule(post)
    assert refused.value.code == "force_required"
    assert world.read(post) == post
    later = (world.clock.now() + timedelta(hours=1)).isoformat()
    assert schedule.schedule(world.deps, USER, post.id, later, None, 0, force=True).post.status == "scheduled"
