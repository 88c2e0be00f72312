"""The breaker and its owners: one user's failures delay no post of another user."""

import pytest

from app.domain.breaker import Breaker
from app.domain.delivery import Dispatched
from app.domain.post import Post
from tests.support.fakes import answered, not_sent
from tests.support.world import USER, World

OTHER, THIRD = "user-2", "user-3"


def fail_for(world: World, user: str, times: int) -> None:
    """Let this user's next posts fail."""
    for _ in range(times):
        world.publisher.answers(not_sent())
        assert world.dispatch(due_post(world, user)).reason == "publisher_unreachable"


def due_post(world: World, user: str) -> Post:
    world.connect(user=user)
    return world.scheduled(world.clock.now(), user=user)


def test_one_users_failures_open_the_breaker_for_that_user_alone(world: World):
    fail_for(world, OTHER, 5)
    assert world.circuit().opened_at is not None
    assert world.dispatch(due_post(world, OTHER)) == Dispatched("retry_scheduled", "breaker_open")
    assert world.dispatch(due_post(world, THIRD)) == Dispatched("dispatched")


def test_one_user_with_hundreds_of_failures_delays_no_other_user(world: World):
    world.set(breaker_threshold=200)
    fail_for(world, OTHER, 200)
    fail_for(world, THIRD, 1)
    assert world.dispatch(due_post(world, USER)) == Dispatched("dispatched")


def test_only_user_of_an_installation_has_a_breaker(world: World):
    fail_for(world, USER, 5)
    assert world.dispatch(due_post(world, USER)) == Dispatched("retry_scheduled", "breaker_open")


@pytest.mark.parametrize("order", ["ABABA", "AABBB", "ABCBA", "AAABB"])
def test_failures_of_several_users_open_the_breaker_for_all(world: World, order: str):
    for name in order:
        assert world.circuit().opened_at is None
        fail_for(world, name, 1)
    assert world.dispatch(due_post(world, USER)) == Dispatched("retry_scheduled", "breaker_open")


def test_success_of_another_user_closes_the_breaker(world: World):
    fail_for(world, OTHER, 5)
    assert world.dispatch(due_post(world, THIRD)) == Dispatched("dispatched")
    assert world.circuit() == Breaker()
    assert world.circuit().weights == {}


def test_failure_of_another_user_spends_its_own_retry_while_the_breaker_is_open_for_one(world: World):
    fail_for(world, OTHER, 5)
    world.publisher.answers(answered(500))
    post = due_post(world, THIRD)
    assert world.dispatch(post).status == "retry_scheduled"
    assert world.read(post).retry_count == 1


def test_breaker_opened_before_owners_were_kept_is_open_for_all(world: World):
    fail_for(world, OTHER, 5)
    with world.db.transaction() as tx:
        tx.exec_driver_sql("UPDATE breakers SET weights = NULL")
    assert world.dispatch(due_post(world, THIRD)) == Dispatched("retry_scheduled", "breaker_open")
