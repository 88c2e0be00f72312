"""What is recorded of several n8n: the one that each attempt asked, and no alert of one that has left."""

import pytest

from app.store.operations import breaker
from app.sweep.sweep import sweep
from tests.support.fakes import answered, not_sent
from tests.support.world import World
from tests.use_cases.test_several_publishers import URLS, A, B, Two


@pytest.fixture
def two(world: World) -> Two:
    return Two(world)


@pytest.mark.parametrize(
    ("urls", "left"),
    [(f"https://{A}/webhook/a", []), (f"https://{B}/webhook/b,https://{A}/webhook/a", []), (URLS, [B])],
)
def test_sweep_clears_the_alert_of_a_publisher_that_left_or_moved(world: World, two: Two, urls: str, left: list[str]):
    world.set(breaker_threshold=1)
    two.second.default_reply = not_sent()
    two.open(0)
    world.dispatch(world.due())
    world.set(n8n_webhook_url=urls)
    with world.db.transaction() as tx:
        breaker.record_success(tx, 0)
    sweep(world.deps)
    assert [subject for kind, subject in world.alerts().items() if kind == "breaker_open"] == left


def test_attempts_name_the_publisher_that_was_asked(world: World, two: Two):
    two.open(0)
    accepted = world.due()
    world.dispatch(accepted)
    two.second.default_reply = answered(500)
    refused = world.due()
    world.dispatch(refused)
    assert [world.attempts(post)[-1].publisher for post in (accepted, refused)] == [1, 1]
