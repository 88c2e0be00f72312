"""The automatic lead: alarms are set further ahead where earlier ones came late."""

import math
from datetime import timedelta

import pytest

from app.alarms import LEAD_FRESH, lead_seconds
from app.domain.keys import alarm_second
from app.domain.lead import FEWEST
from tests.support.world import IN_TEN_MINUTES, World


def came_late(world: World, seconds: float, number: int = FEWEST) -> None:
    """Record this many attempts whose alarms came so late."""
    post = world.in_flight()
    world.overwrite_attempt(post, 1, alarm_late_ms=seconds * 1000)
    for _ in range(number - 1):
        world.overwrite_attempt(world.in_flight(), 1, alarm_late_ms=seconds * 1000)


def test_alarms_are_set_ahead_by_the_lateness_of_the_earlier_ones(world: World):
    came_late(world, 4.1)
    world.clock.set(world.clock.now() + LEAD_FRESH)
    assert lead_seconds(world.deps) == 4.35
    post = world.scheduled(IN_TEN_MINUTES + timedelta(minutes=30))
    [alarm] = [alarm for alarm in world.messages.published if alarm.post_id == post.id]
    assert post.next_attempt_at is not None
    assert alarm.not_before == math.floor(post.next_attempt_at.timestamp() - 4.35)


def test_lead_is_measured_again_after_half_a_minute_and_not_before(world: World):
    assert lead_seconds(world.deps) == 1.0
    came_late(world, 6.0)
    world.deps.lead.measured_at = world.clock.now()
    assert lead_seconds(world.deps) == 1.0
    world.clock.set(world.clock.now() + LEAD_FRESH)
    assert lead_seconds(world.deps) == 6.25


def test_clock_set_back_measures_the_lead_again(world: World):
    lead_seconds(world.deps)
    came_late(world, 6.0)
    world.deps.lead.measured_at = world.clock.now() + timedelta(hours=1)
    assert lead_seconds(world.deps) == 6.25


def test_given_number_is_the_lead_regardless_of_the_measured(world: World):
    came_late(world, 6.0)
    world.set(dispatch_lead_seconds=2.0)
    assert lead_seconds(world.deps) == 2.0


def test_without_a_database_the_former_lead_serves(world: World):
    came_late(world, 6.0)
    world.clock.set(world.clock.now() + LEAD_FRESH)
    assert lead_seconds(world.deps) == 6.25
    world.clock.set(world.clock.now() + LEAD_FRESH)
    world.fail_transactions(1)
    assert lead_seconds(world.deps) == 6.25


@pytest.mark.parametrize(("seconds_ahead", "status"), [(17.2, "early"), (6.0, "dispatched")])
def test_delivery_waits_for_as_long_as_the_lead_may_be(world: World, seconds_ahead: float, status: str):
    came_late(world, 6.0)
    world.clock.set(world.clock.now() + LEAD_FRESH)
    post = world.scheduled(IN_TEN_MINUTES + timedelta(minutes=30))
    assert post.next_attempt_at is not None
    world.clock.set(post.next_attempt_at - timedelta(seconds=seconds_ahead))
    assert world.dispatch(post).status == status
    if status == "early":
        assert world.messages.published[-1].not_before == alarm_second(post.next_attempt_at, 6.25)
