"""The trigger of an attempt: message, sweep, poll, or manual where a person asked for it at once."""

from datetime import timedelta

from app.domain.delivery import Dispatched
from app.posts import recover
from app.sweep.sweep import poll, sweep
from tests.support.fakes import answered
from tests.support.world import IN_TEN_MINUTES, USER, World

SENT = Dispatched("dispatched")


def triggers(world: World, post) -> list[str]:
    return [attempt.trigger for attempt in world.attempts(post)]


def test_planned_post_is_triggered_by_its_message(world: World):
    post = world.due()
    assert world.dispatch(post) == SENT
    assert triggers(world, post) == ["message"]


def test_post_scheduled_for_now_is_manual(world: World):
    post = world.schedule(world.draft(), world.clock.now()).post
    assert world.dispatch(post) == SENT
    assert triggers(world, post) == ["manual"]
    assert world.transitions(post)[-1].actor == "manual"


def test_post_rescheduled_for_now_is_manual(world: World):
    post = world.schedule(world.scheduled(), world.clock.now()).post
    assert world.dispatch(post) == SENT
    assert triggers(world, post) == ["manual"]


def test_manual_retry_is_manual(world: World):
    failed = world.failed()
    post = recover.recover(world.deps, USER, failed.id, "retry", False)
    assert world.dispatch(post) == SENT
    assert triggers(world, post) == ["message", "manual"]


def test_automatic_retry_of_a_manual_attempt_is_triggered_by_its_message(world: World):
    world.publisher.answers(answered(503))
    post = world.schedule(world.draft(), world.clock.now()).post
    assert world.dispatch(post).status == "retry_scheduled"
    world.at_due(post)
    assert world.dispatch(world.read(post)) == SENT
    assert triggers(world, post) == ["manual", "message"]


def test_post_released_by_a_reconnect_is_triggered_by_its_message(world: World):
    post = world.due()
    world.require_reconnect()
    assert world.dispatch(post).status == "retry_scheduled"
    world.clock.advance(minutes=1)
    world.connect(token="token-2")
    assert world.dispatch(world.read(post)) == SENT
    assert triggers(world, post) == ["message"]


def test_manual_post_found_by_poll_mode_is_manual(world: World):
    world.with_deps(messages=None)
    planned = world.scheduled(IN_TEN_MINUTES)
    world.clock.set(IN_TEN_MINUTES)
    immediate = world.schedule(world.draft(), world.clock.now()).post
    assert poll(world.deps).recovered == 2
    assert (triggers(world, planned), triggers(world, immediate)) == (["poll"], ["manual"])


def test_manual_post_whose_alarm_was_lost_is_triggered_by_the_sweep(world: World):
    post = world.schedule(world.draft(), world.clock.now()).post
    for _ in range(2):  # the first sweep arms it again, the second one dispatches it
        world.clock.set(world.clock.now() + timedelta(minutes=5))
        sweep(world.deps)
    assert triggers(world, post) == ["sweep"]


def test_retry_of_a_manual_attempt_that_died_unsent_is_triggered_by_its_message(world: World):
    post = world.schedule(world.draft(), world.clock.now()).post
    world.overwrite(post, social_account_id=None)
    world.at_next_commit(lambda: world.fail_transactions(4))  # the claim is committed, the settle is not
    assert world.dispatch(post).reason == "not_settled"
    world.overwrite(post, social_account_id=world.account.id)
    world.after_lease(post)
    sweep(world.deps)
    assert world.dispatch(world.read(post)) == SENT
    assert triggers(world, post) == ["manual", "message"]


def test_manual_post_released_by_a_reconnect_is_triggered_by_its_message(world: World):
    post = world.schedule(world.draft(), world.clock.now()).post
    world.require_reconnect()
    assert world.dispatch(post).status == "retry_scheduled"
    world.clock.advance(hours=2)
    world.connect(token="token-2")
    assert world.dispatch(world.read(post)) == SENT
    assert triggers(world, post) == ["message"]


def test_manual_post_armed_again_by_the_sweep_is_triggered_by_its_message(world: World):
    post = world.schedule(world.draft(), world.clock.now()).post
    world.overwrite(post, updated_at=world.clock.advance(minutes=5))  # just armed, so it is armed again
    sweep(world.deps)
    assert world.dispatch(world.read(post)) == SENT
    assert triggers(world, post) == ["message"]
