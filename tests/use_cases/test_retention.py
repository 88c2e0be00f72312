"""Retention: posts finished long ago are pruned, nothing else is, and totals never fall."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.delivery import report
from app.domain.delivery import Dispatched
from app.domain.errors import Conflict, NotFound
from app.domain.outcomes import Report
from app.domain.post import Post
from app.operations.status import scheduler_status
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


def post_ids(world: World) -> set[str]:
    with world.db.reading() as connection:
        return set(connection.execute(sa.select(posts.c.id)).scalars())


def count_rows(world: World, post: Post) -> int:
    with world.db.reading() as connection:
        return sum(
            connection.execute(sa.select(sa.func.count()).where(table.c.post_id == post.id)).scalar_one()
            for table in (attempts, transitions)
        )


def test_prune_deletes_only_posts_finished_before_the_retention(world: World):
    finished = {world.in_status(status).id for status in ("published", "failed", "cancelled")}
    waiting = {world.draft().id, world.scheduled(START + timedelta(days=90)).id, world.in_flight().id}
    world.clock.advance(days=31)
    recent = {world.in_status(status).id for status in ("published", "failed", "cancelled")}
    world.clock.advance(minutes=20)
    pruned = retention.prune(world.deps, MONTH)
    assert pruned.posts == {"published": 1, "failed": 1, "cancelled": 1}
    assert post_ids(world) == waiting | recent
    assert not finished & post_ids(world)


def test_prune_deletes_a_post_a_microsecond_after_the_retention_ends(world: World):
    post = world.failed()
    world.clock.set(world.read(post).updated_at + MONTH)
    assert retention.prune(world.deps, MONTH).posts["failed"] == 0
    world.clock.set(world.clock.now() + MICROSECOND)
    assert retention.prune(world.deps, MONTH).posts["failed"] == 1


def test_prune_deletes_the_attempts_and_transitions_of_deleted_posts_only(world: World):
    old = world.published()
    world.clock.advance(days=31)
    recent = world.published()
    rows_before = count_rows(world, recent)
    retention.prune(world.deps, MONTH)
    assert (count_rows(world, old), count_rows(world, recent)) == (0, rows_before)


def test_prune_keeps_totals_and_lowers_queue_counts(world: World):
    for _ in range(3):
        world.published()
    world.cancelled()
    world.clock.advance(days=31)
    world.published()
    retention.prune(world.deps, MONTH)
    state = scheduler_status(world.deps)
    assert (state["totalPublished"], state["queue"]["published"], state["queue"]["cancelled"]) == (4, 1, 0)
    world.clock.advance(days=31)
    retention.prune(world.deps, MONTH)
    state = scheduler_status(world.deps)
    assert (state["totalPublished"], state["queue"]["published"]) == (4, 0)


def test_published_total_is_the_same_before_and_after_counting(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counts, "STEP", 2)  # several steps, with posts of one instant at their edges
    for minutes in (0, 0, 0, 0, 0, 3, 20, 20, 20):
        world.clock.advance(minutes=minutes)
        world.published()
    world.clock.advance(minutes=8)
    for _ in range(4):
        assert scheduler_status(world.deps)["totalPublished"] == 9
        sweep(world.deps)
        world.clock.advance(minutes=5)
    with world.db.reading() as connection:
        assert counts.counted_until(connection, world.read(world.published()).status) > START


def test_published_post_not_yet_counted_is_not_pruned(world: World):
    world.published()
    world.set(publish_lease_seconds=40.0)
    world.clock.advance(minutes=9)
    assert retention.prune(world.deps, timedelta(minutes=5)).posts["published"] == 0
    world.clock.advance(minutes=2)
    assert retention.prune(world.deps, timedelta(minutes=5)).posts["published"] == 1
    assert scheduler_status(world.deps)["totalPublished"] == 1


def test_dry_run_counts_and_deletes_nothing(world: World):
    kept = {world.published().id, world.failed().id}
    insert_alert(world, "duplicate_publish", "a")
    world.clock.advance(days=31)
    pruned = retention.prune(world.deps, MONTH, dry_run=True)
    assert (pruned.posts, pruned.alerts) == ({"published": 1, "failed": 1, "cancelled": 0}, 1)
    assert post_ids(world) == kept
    assert "duplicate_publish" in world.alerts()


def test_prune_age_below_the_lease_is_refused(world: World):
    with pytest.raises(ValueError, match="PUBLISH_LEASE_SECONDS"):
        retention.prune(world.deps, timedelta(seconds=480))


def test_report_for_a_pruned_post_is_answered_like_an_unknown_post(world: World):
    post = world.failed()
    world.clock.advance(days=31)
    retention.prune(world.deps, MONTH)
    with pytest.raises(NotFound):
        report.apply_report(world.deps, Report(post.id, True, external_id="urn:li:share:1"))
    with pytest.raises(Conflict):
        report.grant_execution_claim(world.deps, post.id, 1)
    assert world.dispatch(post) == Dispatched("ignored", "unknown")


def test_sweep_prunes_by_the_setting_and_keeps_everything_without_it(world: World):
    world.failed()
    world.clock.advance(days=31)
    assert (sweep(world.deps).pruned, len(post_ids(world))) == (0, 1)
    world.set(retention_days=30.0)
    assert (sweep(world.deps).pruned, len(post_ids(world))) == (1, 0)


def test_sweep_prunes_a_bounded_number_and_the_next_continues(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "SWEEP_BATCHES", 2)
    for _ in range(7):
        world.cancelled()
    world.clock.advance(days=31)
    world.set(retention_days=30.0)
    assert [sweep(world.deps).pruned for _ in range(3)] == [4, 3, 0]


def test_sweep_without_time_left_leaves_pruning_to_the_next(world: World):
    world.failed()
    post = world.scheduled(START + timedelta(days=31))
    world.set(retention_days=30.0)
    world.clock.set(START + timedelta(days=31, minutes=1))
    world.messages.publish_error = "unreachable"
    world.publisher.during_send = lambda _: world.clock.advance(seconds=30)
    assert sweep(world.deps).pruned == 0
    assert world.read(post).status == "publishing"
    assert sweep(world.deps).pruned == 1


def test_prune_command_stops_at_its_time_limit_and_reports_incomplete(world: World, monkeypatch: pytest.MonkeyPatch):
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


def insert_alert(world: World, kind: str, subject: str) -> None:
    with world.db.transaction() as tx:
        alerts.raise_alert(tx, kind, subject, "detail", world.clock.now())


def test_old_alert_is_pruned_unless_it_describes_a_current_state(world: World):
    for kind in ("duplicate_publish", "message_service_quota_exceeded", "breaker_open", "reconnect_required"):
        insert_alert(world, kind, "a")
    world.clock.advance(days=31)
    insert_alert(world, "message_service_quota_exceeded", "a")
    assert retention.prune(world.deps, MONTH).alerts == 1
    assert set(world.alerts()) == {"message_service_quota_exceeded", "breaker_open", "reconnect_required"}


def test_retention_setting_below_the_lease_is_refused():
    assert read_settings({"RETENTION_DAYS": "0.0056"}).retention_days == 0.0056
    with pytest.raises(SettingsError, match=r"RETENTION_DAYS must be longer than PUBLISH_LEASE_SECONDS \(480\)"):
        read_settings({"RETENTION_DAYS": "0.0055"})
