"""Posts due at one instant, and their deliveries waiting at the gate."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from unittest import mock

from app.delivery.gate.gate import Gate
from app.domain.delivery import Dispatched
from app.domain.post import Post
from app.store.posts import transitions
from tests.support.threads import TIMEOUT_SECONDS, wait_until
from tests.support.world import IN_TEN_MINUTES, World

EARLY = timedelta(milliseconds=500)


def posts_due_together(world: World, count: int) -> list[Post]:
    return [world.scheduled(IN_TEN_MINUTES, content=f"Post {number}") for number in range(count)]


@contextmanager
def waiting_at_gate(world: World, gate: Gate, deliveries: list[Post]) -> Iterator[list["Future[Dispatched]"]]:
    """Hold the deliveries at the gate while the block runs.

    Earlier deliveries may wait there already. Yields the futures of the new ones. At the block's end the clock moves
    to the due instant, so the futures complete.
    """
    already_waiting = len(gate)
    with ThreadPoolExecutor(len(deliveries)) as pool:
        coming = [pool.submit(world.dispatch, post) for post in deliveries]
        wait_until(lambda: len(gate) == already_waiting + len(deliveries))
        try:
            yield coming
        finally:
            world.clock.set(max(world.clock.now(), IN_TEN_MINUTES))


def results(coming: list["Future[Dispatched]"]) -> list[Dispatched]:
    return [each.result(TIMEOUT_SECONDS) for each in coming]


def sent_post_ids(world: World) -> list[str]:
    return sorted(submission.post_id for submission in world.publisher.submissions)


def count_claims() -> AbstractContextManager[mock.Mock]:
    """Count group claims while the block runs: read `call_count` of the mock."""
    return mock.patch.object(transitions, "claim", wraps=transitions.claim)
