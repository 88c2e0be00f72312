"""The drill: a database restored from a backup taken while posts went out.

A second copy of a post and a wrong failure are impossible, by the operator's command or without it.
"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.delivery.dispatch import dispatch
from app.delivery.leases import end_lease_by_alarm
from app.domain.lifecycle import Status
from app.domain.post import Post
from app.posts import schedule
from app.restore.after_restore import after_restore, read_since
from app.restore.went_back import check_message
from app.store.engine import make_engine
from app.sweep.sweep import sweep
from tests.support.backups import back_up
from tests.support.world import IN_TEN_MINUTES, USER, InstrumentedDatabase, World

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
PLATFORMS = ("instagram", "linkedin", "facebook")
DUE = IN_TEN_MINUTES
LOST_SECONDS = 35


def deliver(world: World) -> None:
    """Deliver every message and lease alarm due now, as the web layer handles it."""
    now = world.clock.now()
    due = [(key, alarm) for key, alarm in world.messages.pending.items() if alarm.not_before <= now.timestamp()]
    for message_id, alarm in due:
        del world.messages.pending[message_id]
        result = dispatch(world.deps, alarm.post_id, alarm.generation, "message", message_id)
        world.messages.delivered[message_id] = world.clock.now()
        if result.reason in ("stale", "unknown") and alarm.armed_at is not None:
            check_message(world.deps, alarm.post_id, alarm.generation, None, alarm.armed_at)
    for alarm in [one for one in world.messages.lease_alarms if one.not_before <= now.timestamp()]:
        world.messages.lease_alarms.remove(alarm)
        result = end_lease_by_alarm(world.deps, alarm.post_id, alarm.generation, alarm.lease_of)
        if result.reason in ("stale", "unknown") and alarm.armed_at is not None:
            check_message(world.deps, alarm.post_id, alarm.generation, alarm.lease_of, alarm.armed_at)


def publish_until(world: World, second: int) -> None:
    """Let time pass until so many seconds after DUE. Sent posts are reported published, apart from the latest ones."""
    while world.clock.now() < DUE + second * SECOND:
        world.clock.advance(seconds=1)
        deliver(world)
        for submission in world.publisher.submissions[:-3]:
            report_if_open(world, submission.post_id, submission.attempt)


def report_if_open(world: World, post_id: str, attempt: int) -> None:
    sent = world.read(replace(TEMPLATE, id=post_id))
    if sent.status is Status.PUBLISHING:
        world.report_published(sent, f"urn:li:share:{post_id}", attempt=attempt)


TEMPLATE = Post(**dict.fromkeys(Post.__dataclass_fields__))  # type: ignore[arg-type]


class Drill:
    """A world whose database is restored from a backup that is LOST_SECONDS old."""

    def __init__(self, world: World, url: str, folder: Path) -> None:
        self.world = world
        self.posts = [
            world.scheduled(at=DUE + second * SECOND, platform=platform)
            for second in range(0, 60, 3)
            for platform in PLATFORMS
        ]
        self.later = [world.scheduled(at=DUE + HOUR, platform=platform) for platform in PLATFORMS]
        self.called_off = world.scheduled(at=DUE + 31 * SECOND)
        self.moved = world.scheduled(at=DUE + 32 * SECOND)
        self.called_off_later = world.scheduled(at=DUE + HOUR)
        world.clock.set(DUE - SECOND)
        publish_until(world, 10)
        restore = back_up(url, folder, lambda: publish_until(world, 15))
        schedule.unschedule(world.deps, USER, self.called_off.id)
        schedule.unschedule(world.deps, USER, self.called_off_later.id)
        world.schedule(self.moved, DUE + 2 * HOUR)
        publish_until(world, 10 + LOST_SECONDS)
        self.lost_sends = len(world.publisher.submissions)
        world.db.close()
        world.db = InstrumentedDatabase(make_engine(restore()))
        world.with_deps(db=world.db)

    def go_on(self) -> None:
        """Let two hours pass, with a sweep every five minutes. Every new send is reported."""
        world, known = self.world, self.lost_sends
        for _ in range(26):
            world.clock.advance(minutes=5)
            deliver(world)
            sweep(world.deps)
            for submission in world.publisher.submissions[known:]:
                report_if_open(world, submission.post_id, submission.attempt)
            known = len(world.publisher.submissions)

    def judge(self) -> None:
        sends = Counter(submission.post_id for submission in self.world.publisher.submissions)
        assert max(sends.values()) == 1
        assert sends[self.called_off.id] == 0
        for post in [*self.posts, *self.later, self.called_off, self.moved]:
            after = self.world.read(post)
            assert after.status is not Status.SCHEDULED
            assert after.status is not Status.FAILED or after.error_code == "outcome_unknown"
        assert all(sends[post.id] == 1 for post in self.later)
        held = [post for post in self.posts if "held_after_restore" in self.world.reasons(post)]
        assert len(held) >= LOST_SECONDS - 10


@pytest.fixture
def drill(world: World, database_url: str, tmp_path: Path) -> Drill:
    return Drill(world, database_url, tmp_path)


def test_no_post_goes_out_twice_after_the_command(drill: Drill):
    world = drill.world
    since = read_since(world.deps, None)
    assert since is not None
    assert timedelta(0) < world.clock.now() - since <= (LOST_SECONDS + 4) * SECOND
    assert after_restore(world.deps, since, lambda _: None).in_doubt == 0
    assert world.read(drill.called_off).status is Status.FAILED
    assert world.read(drill.called_off_later).status is Status.FAILED
    drill.go_on()
    drill.judge()


def test_no_post_goes_out_twice_if_the_sweep_comes_first(drill: Drill):
    drill.world.clock.advance(minutes=2)
    sweep(drill.world.deps)
    assert "database_went_back" in drill.world.alerts()
    drill.go_on()
    drill.judge()
    assert "database_went_back" in drill.world.alerts()


def test_no_post_goes_out_twice_if_a_sweep_comes_within_seconds_and_deliveries_go_on(drill: Drill):
    for _ in range(20):
        drill.world.clock.advance(seconds=3)
        deliver(drill.world)
        sweep(drill.world.deps)
    drill.go_on()
    drill.judge()
    assert "database_went_back" in drill.world.alerts()
