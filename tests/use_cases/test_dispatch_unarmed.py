"""A delivery whose next alarm is refused is not acknowledged: its message is the only alarm left."""

from collections.abc import Callable

import pytest

from app.domain.delivery import Dispatched
from app.domain.seats import Seats
from tests.support.fakes import answered, not_sent
from tests.support.world import IN_TEN_MINUTES, World


def no_seat(world: World) -> str:
    seats = Seats(1)
    assert seats.take("another", ("post", 1)) is not None
    world.with_deps(seats=seats)
    return "armed_again"


def account_on_hold(world: World) -> str:
    world.require_reconnect()
    return "account_on_hold"


def no_publisher(world: World) -> str:
    world.with_deps(publisher=None)
    return "publisher_not_configured"


def refused_send(world: World) -> str:
    world.publisher.answers(answered(503))
    return "publisher_error"


def failed_send(world: World) -> str:
    world.publisher.answers(not_sent())
    return "publisher_unreachable"


CAUSES = [no_seat, account_on_hold, no_publisher, refused_send, failed_send]


def due_in_a_second(world: World, cause: Callable[[World], str]):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES)
    if cause is no_seat:
        world.clock.advance(seconds=-1)
    return post


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("refusal", ["rate_limited", "unreachable", "quota_exceeded"])
def test_delivery_with_a_refused_next_alarm_says_so(world: World, cause: Callable[[World], str], refusal: str):
    post = due_in_a_second(world, cause)
    reason = cause(world)
    world.messages.publish_error = refusal
    result = world.dispatch(post, message_id=post.message_id)
    assert (result.reason, result.armed) == (reason, False)


@pytest.mark.parametrize("cause", CAUSES)
def test_delivery_with_an_accepted_next_alarm_is_acknowledged(world: World, cause: Callable[[World], str]):
    post = due_in_a_second(world, cause)
    reason = cause(world)
    result = world.dispatch(post, message_id=post.message_id)
    assert (result.reason, result.armed) == (reason, True)
    assert world.read(post).armed


def test_repeated_delivery_arms_the_retry_that_was_refused(world: World):
    post = world.due()
    refused_send(world)
    world.messages.publish_error = "rate_limited"
    assert not world.dispatch(post, message_id=post.message_id).armed
    world.messages.publish_error = None
    assert world.dispatch(post, message_id=post.message_id) == Dispatched("early", "armed_again")
    assert (world.read(post).armed, len(world.publisher.submissions)) == (True, 1)


def test_poll_mode_needs_no_alarm(world: World):
    post = world.due()
    world.with_deps(messages=None)
    refused_send(world)
    assert world.dispatch(post, "poll") == Dispatched("retry_scheduled", "publisher_error")
