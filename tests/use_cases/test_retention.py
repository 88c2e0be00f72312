"""Retention: what was finished long ago goes, nothing else does, and no total falls for it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.delivery import report
from app.delivery.settle import Dispatched
from app.domain.errors import Conflict, NotFound
from app.domain.outcomes import Report
from app.domain.post import Post
from app.operations.status import inspect
from app.settings.environment import read_settings
from app.settings.values import SettingsError
from app.store.operations import alerts, counts
from app.store.schema.tables import attempts, posts, transitions
from app.sweep import retention
from app.sweep.sweep import sweep
from tests.support.fakes import START
from tests.support.world import World

MONTH = timedelta(days=30)
MICROSECOND = timedelta(microseconds=1)


def ids(world: World) -> set[str]:
    with world.db.reading() as connection:
        return set(connection.execute(sa.select(posts.c.id)).scalars())


def rows_of(world: World, post: Post) -> int:
    with world.db.reading() as connection:
        return sum(
            connection.execute(sa.select(sa.func.count()).where(table.c.post_id == post.id)).scalar_one()
            for table in (attempts, transitions)
        )


def test_only_what_was_finished_longer_ago_than_the_retention_goes(world: World):
    finished = {world.in_status(status).id for status in ("published", "failed", "cancelled")}
    waiting = {world.draft().id, world.scheduled(START + timedelta(days=90)).id, world.in_flight().id}
    world.clock.advance(days=31)
    young = {world.in_status(status).id for status in ("published", "failed", "cancelled")}
    world.clock.advance(minutes=20)
    pruned = retention.prune(world.deps, MONTH)
    assert pruned.posts == {"published": 1, "failed": 1, "cancelled": 1}
    assert ids(world) == waiting | young
    assert not finished & ids(world)


def test_a_post_goes_when_its_last_change_is_older_and_not_an_instant_before(world: World):
    post = world.failed()
    world.clock.set(world.read(post).updated_at + MONTH)
    assert retention.prune(world.deps, MONTH).posts["failed"] == 0
    world.clock.set(world.clock.now() + MICROSECOND)
    assert retention.prune(world.deps, MONTH).posts["failed"] == 1


def test_its_attempts_and_transitions_go_with_it_and_no_others(world: World):
    old = world.published()
    world.clock.advance(days=31)
    young = world.published()
    left = rows_of(world, young)
    retention.prune(world.deps, MONTH)
    assert (rows_of(world, old), rows_of(world, young)) == (0, left)


def test_the_totals_stay_what_they_were_and_the_queue_says_what_is_there(world: World):
    for _ in range(3):
        world.published()
    world.cancelled()
    world.clock.advance(days=31)
    world.published()
    retention.prune(world.deps, MONTH)
    state = inspect(world.deps)
    assert (state["totalPublished"], state["queue"]["published"], state["queue"]["cancelled"]) == (4, 1, 0)
    world.clock.advance(days=31)
    retention.prune(world.deps, MONTH)
    state = inspect(world.deps)
    assert (state["totalPublished"], state["queue"]["published"]) == (4, 0)


def test_a_total_is_the_same_before_and_after_its_posts_are_counted(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counts, "STEP", 2)  # several steps, and posts of one instant at their edges
    for minutes in (0, 0, 0, 0, 0, 3, 20, 20, 20):
        world.clock.advance(minutes=minutes)
        world.published()
    world.clock.advance(minutes=8)
    for _ in range(4):
        assert inspect(world.deps)["totalPublished"] == 9
        sweep(world.deps)
        world.clock.advance(minutes=5)
    with world.db.reading() as connection:
        assert counts.counted_until(connection, world.read(world.published()).status) > START


def test_a_published_post_that_is_not_counted_yet_is_not_pruned(world: World):
    world.published()
    world.set(publish_lease_seconds=40.0)
    world.clock.advance(minutes=9)
    assert retention.prune(world.deps, timedelta(minutes=5)).posts["published"] == 0
    world.clock.advance(minutes=2)
    assert retention.prune(world.deps, timedelta(minutes=5)).posts["published"] == 1
    assert inspect(world.deps)["totalPublished"] == 1


def test_a_dry_run_counts_and_deletes_nothing(world: World):
    kept = {world.published().id, world.failed().id}
    alert(world, "duplicate_publish", "a")
    world.clock.advance(days=31)
    pruned = retention.prune(world.deps, MONTH, dry_run=True)
    assert (pruned.posts, pruned.alerts) == ({"published": 1, "failed": 1, "cancelled": 0}, 1)
    assert ids(world) == kept
    assert "duplicate_publish" in world.alerts()


def test_an_age_below_the_lease_is_refused(world: World):
    with pytest.raises(ValueError, match="PUBLISH_LEASE_SECONDS"):
        retention.prune(world.deps, timedelta(seconds=600))


def test_late_truth_for_a_post_that_is_gone_is_answered_as_for_one_that_never_was(world: World):
    post = world.failed()
    world.clock.advance(days=31)
    retention.prune(world.deps, MONTH)
    with pytest.raises(NotFound):
        report.report(world.deps, Report(post.id, True, external_id="urn:li:share:1"))
    with pytest.raises(Conflict):
        report.grant(world.deps, post.id, 1)
    assert world.dispatch(post) == Dispatched("ignored", "unknown")


def test_the_sweep_prunes_by_the_setting_and_without_it_keeps_everything(world: World):
    world.failed()
    world.clock.advance(days=31)
    assert (sweep(world.deps).pruned, len(ids(world))) == (0, 1)
    world.set(retention_days=30.0)
    assert (sweep(world.deps).pruned, len(ids(world))) == (1, 0)


def test_a_sweep_prunes_a_bounded_number_and_the_next_goes_on(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "SWEEP_BATCHES", 2)
    for _ in range(7):
        world.cancelled()
    world.clock.advance(days=31)
    world.set(retention_days=30.0)
    assert [sweep(world.deps).pruned for _ in range(3)] == [4, 3, 0]


def test_a_sweep_whose_time_is_up_leaves_pruning_to_the_next(world: World):
    world.failed()
    post = world.scheduled(START + timedelta(days=31))
    world.set(retention_days=30.0)
    world.clock.set(START + timedelta(days=31, minutes=1))
    world.messages.refusing = "unreachable"
    world.publisher.during_send = lambda _: world.clock.advance(seconds=30)
    assert sweep(world.deps).pruned == 0
    assert world.read(post).status == "publishing"
    assert sweep(world.deps).pruned == 1


def test_the_command_stops_when_its_time_is_up_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BATCH", 1)
    for _ in range(3):
        world.cancelled()
    world.clock.advance(days=31)
    for _ in range(6):  # counts, alerts, published, failed, the first cancelled one
        world.at_next_transaction(lambda: None)
    world.at_next_transaction(lambda: world.clock.advance(seconds=retention.COMMAND_SECONDS))
    pruned = retention.prune(world.deps, MONTH)
    assert (pruned.complete, 0 < pruned.posts["cancelled"] < 3) == (False, True)
    assert retention.prune(world.deps, MONTH).complete


def alert(world: World, kind: str, subject: str) -> None:
    with world.db.transaction() as tx:
        alerts.raise_alert(tx, kind, subject, "told", world.clock.now())


def test_an_old_alert_goes_unless_it_says_how_something_still_is(world: World):
    for kind in ("duplicate_publish", "message_service_quota_exceeded", "breaker_open", "reconnect_required"):
        alert(world, kind, "a")
    world.clock.advance(days=31)
    alert(world, "message_service_quota_exceeded", "a")
    assert retention.prune(world.deps, MONTH).alerts == 1
    assert set(world.alerts()) == {"message_service_quota_exceeded", "breaker_open", "reconnect_required"}


def test_a_retention_below_the_lease_is_a_setting_that_is_refused():
    assert read_settings({"RETENTION_DAYS": "0.007"}).retention_days == 0.007
    with pytest.raises(SettingsError, match=r"RETENTION_DAYS must be longer than PUBLISH_LEASE_SECONDS \(600\)"):
        read_settings({"RETENTION_DAYS": "0.0069"})
