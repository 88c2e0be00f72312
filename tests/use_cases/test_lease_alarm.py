"""The alarm for the end of a lease: armed with the attempt, it retries or holds the post at once."""

from datetime import timedelta

import pytest

from app.delivery.leases import end_lease, end_lease_by_alarm
from app.delivery.report import grant_execution_claim
from app.domain.delivery import Dispatched
from app.domain.keys import deduplication_id
from app.domain.ports import Reply
from app.store.posts import transitions
from app.sweep.sweep import sweep
from tests.support.fakes import answered, not_sent, unknown
from tests.support.world import IN_TEN_MINUTES, World

LEASE = timedelta(seconds=480)


def alarm(world: World, post, attempt: int | None = 1, generation: int | None = None) -> Dispatched:
    return end_lease_by_alarm(world.deps, post.id, post.generation if generation is None else generation, attempt)


@pytest.mark.parametrize("reply", [answered(200), unknown(), answered(504)], ids=["accepted", "timed out", "504"])
def test_sent_post_is_armed_for_the_end_of_its_lease(world: World, reply: Reply):
    post = world.due()
    world.publisher.answers(reply)
    world.dispatch(post)
    [armed] = world.messages.lease_alarms
    assert (armed.post_id, armed.generation, armed.lease_of) == (post.id, post.generation, 1)
    assert armed.not_before == int((IN_TEN_MINUTES + LEASE).timestamp())
    assert deduplication_id(armed) == f"{post.id}-{post.generation}-lease-1-{armed.not_before}"


@pytest.mark.parametrize("reply", [answered(503), answered(400), not_sent()], ids=["503", "400", "not sent"])
def test_refused_post_has_no_lease_to_arm(world: World, reply: Reply):
    post = world.due()
    world.publisher.answers(reply)
    world.dispatch(post)
    assert world.messages.lease_alarms == []


def test_lease_is_not_armed_in_poll_mode(world: World):
    post = world.due()
    world.with_deps(messages=None)
    assert world.dispatch(post) == Dispatched("dispatched")


def test_refused_lease_alarm_leaves_the_post_to_the_sweep_and_is_no_error(world: World):
    post = world.due()
    world.messages.publish_error = "quota_exceeded"
    assert world.dispatch(post) == Dispatched("dispatched")
    assert "message_service_quota_exceeded" in world.alerts()
    world.after_lease(post)
    assert sweep(world.deps).expired == 1


def test_unknown_post_is_sent_again_at_the_end_of_its_lease_while_linkedin_refuses_a_duplicate(world: World):
    post = world.in_flight()
    world.after_lease(post)
    assert alarm(world, post) == Dispatched("dispatched")
    after = world.read(post)
    assert (after.status, after.attempt, after.retry_count) == ("publishing", 2, 1)
    assert world.reasons(post)[-2:] == ["lease_over", "claimed"]
    assert world.outcomes(post) == ["unknown", "accepted"]
    assert [one.lease_of for one in world.messages.lease_alarms] == [1, 2]


def test_second_lease_ends_past_the_duplicate_guard_so_the_post_is_held(world: World):
    post = world.in_flight()
    world.after_lease(post)
    alarm(world, post)
    world.after_lease(post)
    assert alarm(world, post, attempt=2) == Dispatched("failed", "outcome_unknown")
    after = world.read(post)
    assert (after.status, after.error_code, after.retry_count) == ("failed", "outcome_unknown", 1)
    assert len(world.publisher.submissions) == 2


@pytest.mark.parametrize("platform", ["facebook", "instagram"])
def test_unknown_post_of_another_platform_is_held_at_the_end_of_its_lease(world: World, platform: str):
    post = world.in_flight(platform=platform)
    world.after_lease(post)
    assert alarm(world, post) == Dispatched("failed", "outcome_unknown")
    assert world.reasons(post)[-1] == "lease_over_held"
    assert len(world.publisher.submissions) == 1


def test_alarm_without_an_attempt_means_the_current_one(world: World):
    post = world.in_flight()
    world.after_lease(post)
    assert alarm(world, post, attempt=None) == Dispatched("dispatched")


def test_alarm_of_an_older_attempt_or_generation_is_ignored(world: World):
    post = world.in_flight()
    world.after_lease(post)
    before = world.all_post_rows()
    assert alarm(world, post, attempt=2) == Dispatched("ignored", "stale")
    assert alarm(world, post, generation=0) == Dispatched("ignored", "stale")
    assert world.all_post_rows() == before


@pytest.mark.parametrize("status", ["draft", "scheduled", "failed", "published", "cancelled"])
def test_alarm_for_a_post_not_in_flight_is_ignored(world: World, status: str):
    post = world.in_status(status)
    before = world.all_post_rows()
    reason = "busy" if status == "scheduled" else status
    assert alarm(world, post, attempt=None) == Dispatched("ignored", reason)
    assert world.all_post_rows() == before


def test_alarm_for_an_unknown_post_is_ignored(world: World):
    missing = "00000000-0000-4000-8000-000000000000"
    assert end_lease_by_alarm(world.deps, missing, 1, 1) == Dispatched("ignored", "unknown")


def test_repeated_alarm_sends_once(world: World):
    post = world.in_flight()
    world.after_lease(post)
    assert alarm(world, post) == Dispatched("dispatched")
    assert alarm(world, post) == Dispatched("ignored", "stale")
    assert len(world.publisher.submissions) == 2


def test_alarm_that_comes_again_after_a_failed_dispatch_sends_the_post(world: World):
    post = world.in_flight()
    world.after_lease(post)
    with world.db.transaction() as tx:
        moved = transitions.retry(
            tx, world.read(post), at=world.clock.now(), counted=True, code=None, message=None, now=world.clock.now()
        )
    assert moved is not None
    assert alarm(world, post) == Dispatched("dispatched")
    assert world.outcomes(post) == ["accepted", "accepted"]


def test_early_alarm_of_an_extended_lease_is_armed_again_for_the_new_end(world: World):
    post = world.in_flight()
    world.clock.advance(seconds=60)
    grant_execution_claim(world.deps, post.id, 1)
    world.clock.set(IN_TEN_MINUTES + LEASE)
    assert alarm(world, post) == Dispatched("early", "armed_again")
    first, second = world.messages.lease_alarms
    assert second.not_before == first.not_before + 60 + 10
    assert deduplication_id(second) != deduplication_id(first)
    assert world.read(post).status == "publishing"


def test_early_alarm_whose_successor_is_refused_is_not_acknowledged(world: World):
    post = world.in_flight()
    world.messages.publish_error = "rate_limited"
    assert alarm(world, post) == Dispatched("early", "armed_again", armed=False)


@pytest.mark.parametrize("behind", [1, 3])
def test_alarm_early_by_few_seconds_of_our_clock_waits_for_the_end(world: World, behind: int):
    post = world.in_flight()
    world.clock.set(IN_TEN_MINUTES + LEASE - timedelta(seconds=behind))
    assert alarm(world, post) == Dispatched("dispatched")
    assert world.clock.now() == IN_TEN_MINUTES + LEASE


@pytest.mark.parametrize("behind", [4, 8, 10])
def test_alarm_early_by_our_clock_comes_again_once_as_much_later(world: World, behind: int):
    post = world.in_flight()
    world.clock.set(IN_TEN_MINUTES + LEASE - timedelta(seconds=behind))
    assert alarm(world, post) == Dispatched("early", "armed_again")
    first, second = world.messages.lease_alarms
    assert second.not_before == first.not_before + behind
    world.clock.advance(seconds=behind)
    assert alarm(world, post) == Dispatched("dispatched")


def test_clock_far_behind_does_not_make_alarms_multiply(world: World):
    post = world.in_flight()
    world.clock.set(IN_TEN_MINUTES + LEASE - timedelta(seconds=100))
    ids = set()
    for _ in range(20):
        assert alarm(world, post).status == "early"
        ids.add(deduplication_id(world.messages.lease_alarms[-1]))
    assert len(ids) == 1


def test_lease_extended_between_read_and_write_is_not_ended(world: World):
    post = world.in_flight()
    world.after_lease(post)
    world.at_next_transaction(lambda: world.overwrite(post, lease_until=world.clock.now() + LEASE))
    assert alarm(world, post) == Dispatched("ignored", "changed")
    assert world.read(post).status == "publishing"


def test_running_lease_found_by_a_clock_ahead_is_not_ended(world: World):
    post = world.in_flight()
    assert end_lease(world.deps, post) is None
    assert world.read(post) == post
