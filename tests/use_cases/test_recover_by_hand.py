"""Manual recovery: due now with all retries, or failed. A possible second copy requires force."""

from datetime import timedelta

import pytest

from app.domain.delivery import Dispatched
from app.domain.errors import Conflict, Invalid
from app.domain.post import Post
from app.posts import drafts, recover, schedule
from app.sweep.sweep import sweep
from tests.support.world import USER, World


def recover_post(world: World, post: Post, action: recover.Action = "retry", force: bool = False) -> Post:
    return recover.recover(world.deps, USER, post.id, action, force)


def post_with_unknown_outcome(world: World) -> Post:
    """Return an Instagram post that failed with an unknown outcome."""
    post = world.expired(platform="instagram")
    sweep(world.deps)
    after = world.read(post)
    assert (after.status, after.error_code) == ("failed", "outcome_unknown")
    return after


def test_retry_of_a_failed_post_is_due_now_armed_and_with_all_retries(world: World):
    post = world.failed()
    world.clock.advance(minutes=5)
    after = recover_post(world, post)
    assert (after.status, after.next_attempt_at, after.retry_count) == ("scheduled", world.clock.now(), 0)
    assert (after.generation, after.attempt, after.error_code) == (post.generation + 1, 1, None)
    assert after.armed
    assert world.dispatch(after) == Dispatched("dispatched")
    assert [sent.attempt for sent in world.publisher.submissions] == [1, 2]


def test_retry_after_the_lease_takes_the_post_from_a_dead_worker(world: World):
    post = world.expired()
    after = recover_post(world, post)
    assert (after.status, after.lease_until, after.sending_at) == ("scheduled", None, None)
    assert world.outcomes(post) == ["unknown"]
    assert world.reasons(post)[-1] == "retried_by_hand"


def test_failing_a_post_after_its_lease_records_the_person(world: World):
    post = world.expired()
    after = recover_post(world, post, "fail")
    assert (after.status, after.error_code, after.generation) == ("failed", "failed_by_hand", post.generation + 1)
    assert after.error_message
    assert world.outcomes(post) == ["unknown"]
    assert world.transitions(post)[-1].actor == "user:user-1"


def test_failing_a_failed_post_writes_nothing(world: World):
    post = world.failed()
    before = world.all_post_rows()
    assert recover_post(world, post, "fail") == post
    assert world.all_post_rows() == before


@pytest.mark.parametrize("action", ["retry", "fail"])
def test_recovery_at_the_lease_end_answers_in_flight(world: World, action: recover.Action):
    post = world.expired()
    world.clock.advance(microseconds=-1)
    with pytest.raises(Conflict) as refused:
        recover_post(world, post, action)
    assert refused.value.code == "in_flight"
    assert world.read(post) == post


def test_retry_that_could_publish_twice_requires_force(world: World):
    post = post_with_unknown_outcome(world)
    with pytest.raises(Conflict) as refused:
        recover_post(world, post)
    assert refused.value.code == "force_required"
    assert world.read(post) == post
    assert recover_post(world, post, force=True).status == "scheduled"


def test_retry_after_the_lease_of_a_started_send_requires_force(world: World):
    post = world.expired(platform="instagram")
    with pytest.raises(Conflict) as refused:
        recover_post(world, post)
    assert refused.value.code == "force_required"
    assert world.outcomes(post) == ["accepted"]
    assert recover_post(world, post, force=True).status == "scheduled"


def test_retry_of_a_send_that_never_began_needs_no_force(world: World):
    post = world.crashed_before_send(platform="instagram")
    assert recover_post(world, post).status == "scheduled"


def test_retry_while_linkedin_refuses_a_duplicate_needs_no_force(world: World):
    assert recover_post(world, world.expired()).status == "scheduled"


@pytest.mark.parametrize(
    ("policy", "platform", "needs_force"),
    [("hold", "linkedin", True), ("retry", "instagram", False), ("auto", "facebook", True)],
)
def test_unknown_outcome_policy_decides_if_force_is_required(
    world: World, policy: str, platform: str, needs_force: bool
):
    world.set(unknown_outcome_policy=policy)
    post = world.expired(platform=platform)
    if needs_force:
        with pytest.raises(Conflict):
            recover_post(world, post)
    else:
        assert recover_post(world, post).status == "scheduled"


def test_retry_of_a_known_failure_needs_no_force(world: World):
    assert recover_post(world, world.failed(platform="instagram")).status == "scheduled"


def test_retry_of_a_post_failed_by_hand_with_unknown_outcome_requires_force(world: World):
    post = world.expired(platform="instagram")
    recover_post(world, post, "fail")
    with pytest.raises(Conflict) as refused:
        recover_post(world, post)
    assert refused.value.code == "force_required"


def test_failed_forced_retry_still_requires_force_for_the_first_attempt(world: World):
    post = post_with_unknown_outcome(world)
    again = recover_post(world, post, force=True)
    world.dispatch(again)
    world.report_failed(post, http_status=400, attempt=2)
    with pytest.raises(Conflict) as refused:
        recover_post(world, post)
    assert refused.value.code == "force_required"
    world.report_failed(post, http_status=400, attempt=1)
    assert recover_post(world, post).status == "scheduled"


def test_retry_that_cannot_be_armed_is_left_to_the_sweep(world: World):
    post = world.failed()
    world.messages.publish_error = "unreachable"
    after = recover_post(world, post)
    assert (after.status, after.armed) == ("scheduled", False)


def test_message_from_before_the_manual_retry_is_stale(world: World):
    post = world.failed()
    recover_post(world, post)
    assert world.dispatch(post) == Dispatched("ignored", "stale")


def test_manual_retry_that_loses_to_the_sweep_closes_no_attempt(world: World):
    post = world.expired()
    world.at_next_transaction(lambda: sweep(world.deps))
    with pytest.raises(Conflict) as refused:
        recover_post(world, post)
    assert refused.value.code == "not_recoverable"
    assert world.reasons(post)[-1] == "lease_over"


def test_published_report_for_a_post_failed_by_hand_is_applied(world: World):
    post = world.expired()
    recover_post(world, post, "fail")
    world.clock.advance(minutes=1)
    assert world.report_published(post).applied
    after = world.read(post)
    assert (after.status, after.error_code, after.external_post_id) == ("published", None, "urn:li:share:1")
    assert after.published_at == world.clock.now()
    assert after.updated_at - post.updated_at > timedelta(0)


def test_retry_of_a_post_over_platform_limits_is_refused(world: World):
    post = world.failed()

    def edit_and_retry() -> None:
        drafts.edit_post(world.deps, USER, post.id, {"content": "x" * 3001})
        recover_post(world, post)

    with pytest.raises(Invalid) as refused:
        edit_and_retry()
    assert refused.value.code == "platform_limits"


def test_schedule_of_a_post_that_may_be_out_requires_force(world: World):
    post = post_with_unknown_outcome(world)
    with pytest.raises(Conflict) as refused:
        world.schedule(post)
    assert refused.value.code == "force_required"
    assert world.read(post) == post
    later = (world.clock.now() + timedelta(hours=1)).isoformat()
    assert schedule.schedule(world.deps, USER, post.id, later, None, 0, force=True).post.status == "scheduled"
