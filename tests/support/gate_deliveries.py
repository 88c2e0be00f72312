"""Many posts of one instant, and their deliveries at the gate."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from unittest import mock

from app.delivery.gate.waiting import Gate
from app.delivery.settle import Dispatched
from app.domain.post import Post
from app.store.posts import transitions
from tests.support.threads import PATIENCE, until
from tests.support.world import IN_TEN_MINUTES, World

EARLY = timedelta(milliseconds=500)


def due_together(world: World, count: int) -> list[Post]:
    return [world.scheduled(IN_TEN_MINUTES, content=f"Post {number}") for number in range(count)]


@contextmanager
def standing(world: World, gate: Gate, deliveries: list[Post]) -> Iterator[list["Future[Dispatched]"]]:
    """The deliveries stand at the gate while the block runs; their results can be had after it."""
    with ThreadPoolExecutor(len(deliveries)) as pool:
        coming = [pool.submit(world.dispatch, post) for post in deliveries]
        until(lambda: len(gate) == len(deliveries))
        try:
            yield coming
        finally:
            world.clock.set(max(world.clock.now(), IN_TEN_MINUTES))


def results(coming: list["Future[Dispatched]"]) -> list[Dispatched]:
    return [each.result(PATIENCE) for each in coming]


def sent(world: World) -> list[str]:
    return sorted(submission.post_id for submission in world.publisher.submissions)


def claims_counted() -> AbstractContextManager[mock.Mock]:
    """How often a group was claimed while the block runs: `call_count`."""
    return mock.patch.object(transitions, "claim", wraps=transitions.claim)
