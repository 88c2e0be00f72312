"""After a restore: posts in doubt are held, later ones are armed again, and only force sends a held one again."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.delivery import Dispatched
from app.domain.errors import Conflict, Locked
from app.domain.post import Post
from app.posts import drafts, recover, schedule
from app.restore.after_restore import Restored, after_restore, read_since
from app.store.posts import transitions
from app.sweep.sweep import sweep
from tests.support.fakes import urn_at
from tests.support.world import IN_TEN_MINUTES, USER, World

PLATFORMS = ("linkedin", "facebook", "instagram")
BACKUP = IN_TEN_MINUTES - timedelta(seconds=20)  # the posts below are due after it and before the restore
RESTORE = IN_TEN_MINUTES + timedelta(seconds=15)


def due_in_the_lost_time(world: World, **values: Any) -> Post:
    post = world.scheduled(**values)
    world.clock.set(RESTORE)
    return post


def run(world: World, **options: Any) -> tuple[Restored, list[str]]:
    shown: list[str] = []
    done = after_restore(world.deps, BACKUP, lambda batch: shown.extend(post.id for post in batch), **options)
    return done, shown


@pytest.mark.parametrize("platform", PLATFORMS)
def test_post_due_in_the_lost_time_is_held_and_no_sweep_or_message_sends_it(world: World, platform: str):
    post = due_in_the_lost_time(world, platform=platform)
    done, shown = run(world)
    held = world.read(post)
    assert (done.held, shown) == (1, [post.id])
    assert (held.status, held.error_code, held.attempt) == ("failed", "outcome_unknown", 1)
    assert world.reasons(post)[-1] == "held_after_restore"
    assert world.dispatch(post) == Dispatched("ignored", "failed")
    world.clock.advance(minutes=10)
    sweep(world.deps)
    assert world.publisher.submissions == []


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("policy", ["auto", "hold", "retry"])
def test_held_post_is_sent_again_by_force_alone_under_each_policy(world: World, platform: str, policy: str):
    world.set(unknown_outcome_policy=policy)
    post = due_in_the_lost_time(world, platform=platform)
    run(world)
    with pytest.raises(Conflict) as refused:
        recover.recover(world.deps, USER, post.id, "retry", force=False)
    assert refused.value.code == "force_required"
    with pytest.raises(Conflict, match="force: true"):
        schedule.schedule(world.deps, USER, post.id, (RESTORE + timedelta(hours=1)).isoformat(), None, 0)
    again = recover.recover(world.deps, USER, post.id, "retry", force=True)
    assert world.dispatch(again) == Dispatched("dispatched")
    assert [sent.attempt for sent in world.publisher.submissions] == [2]


def test_text_of_a_held_post_cannot_be_edited(world: World):
    post = due_in_the_lost_time(world)
    run(world)
    with pytest.raises(Conflict):
        drafts.edit_post(world.deps, USER, post.id, {"content": "Other"})


@pytest.mark.parametrize("trigger_status", ["scheduled", "publishing"])
def test_late_report_of_the_lost_send_publishes_a_held_post(world: World, trigger_status: str):
    post = due_in_the_lost_time(world) if trigger_status == "scheduled" else world.in_flight()
    run(world)
    assert world.report_published(post, "urn:li:share:7", attempt=1).applied
    after = world.read(post)
    assert (after.status, after.external_post_id, after.error_code) == ("published", "urn:li:share:7", None)


def test_report_that_the_lost_send_was_refused_frees_the_post_from_force(world: World):
    post = due_in_the_lost_time(world)
    run(world)
    world.report_failed(post, http_status=400, attempt=1)
    assert recover.recover(world.deps, USER, post.id, "retry", force=False).status == "scheduled"


def test_forced_retry_refused_as_a_duplicate_of_the_lost_send_is_published(world: World):
    post = due_in_the_lost_time(world)
    run(world)
    world.clock.advance(minutes=2)
    again = recover.recover(world.deps, USER, post.id, "retry", force=True)
    world.dispatch(again)
    lost = urn_at(IN_TEN_MINUTES)
    error = f"Content is a duplicate of {lost}"
    world.report_failed(post, http_status=422, error_code="DUPLICATE_POST", error=error, attempt=2)
    assert (world.read(post).status, world.read(post).external_post_id) == ("published", lost)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_post_in_flight_at_the_backup_is_held_and_its_lease_starts_no_retry(world: World, platform: str):
    post = world.in_flight(platform=platform)
    world.clock.advance(seconds=15)
    done, _ = run(world)
    assert done.held == 1
    assert (world.read(post).status, world.read(post).error_code) == ("failed", "outcome_unknown")
    assert [(a.outcome, a.error_code) for a in world.attempts(post)] == [("unknown", "held_after_restore")]
    with pytest.raises(Conflict):
        recover.recover(world.deps, USER, post.id, "retry", force=False)


def test_post_blocked_before_its_send_at_the_backup_needs_force_too(world: World):
    post = world.crashed_before_send()
    assert world.attempts(post)[0].sent_at is None
    run(world)
    assert world.attempts(post)[0].sent_at == BACKUP
    with pytest.raises(Conflict):
        recover.recover(world.deps, USER, post.id, "retry", force=False)


@pytest.mark.parametrize("status", ["draft", "failed", "published", "cancelled"])
def test_post_at_rest_is_not_touched(world: World, status: str):
    world.in_status(status)
    before = world.all_post_rows()
    world.clock.set(RESTORE)
    assert run(world)[0].held == 0
    assert world.all_post_rows() == before


def test_post_due_later_stays_and_is_armed_with_an_id_of_its_own(world: World):
    later = world.scheduled(at=IN_TEN_MINUTES + timedelta(hours=1))
    old = world.messages.published[-1]
    world.clock.set(RESTORE)
    done, shown = run(world)
    assert (done, shown) == (Restored(held=0, in_doubt=0, later=1, armed=1), [])
    after = world.read(later)
    assert (after.status, after.next_attempt_at, after.generation) == ("scheduled", later.next_attempt_at, 1)
    assert after.armed
    assert after.message_id != later.message_id
    lost_seconds = (RESTORE - BACKUP).total_seconds()
    assert world.messages.published[-1].arm_count > old.arm_count + lost_seconds
    world.at_due(later)
    assert world.dispatch(later) == Dispatched("dispatched")


def test_second_run_changes_no_held_post(world: World):
    due_in_the_lost_time(world)
    run(world)
    before = world.all_post_rows()
    assert run(world) == (Restored(), [])
    assert world.all_post_rows() == before


def test_run_after_an_interrupted_one_holds_the_rest(world: World):
    world.set(sweep_batch_size=1)
    posts = [world.scheduled() for _ in range(3)]
    world.clock.set(RESTORE)
    shown: list[Post] = []

    def interrupt(batch: list[Post]) -> None:
        shown.extend(batch)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        after_restore(world.deps, BACKUP, interrupt)
    assert sorted(world.read(post).status for post in posts) == ["failed", "scheduled", "scheduled"]
    assert run(world)[0].held == 2
    assert {world.read(post).status for post in posts} == {"failed"}


def test_locked_post_stays_in_doubt_and_the_others_are_held(world: World, monkeypatch: pytest.MonkeyPatch):
    locked, free = world.scheduled(), world.scheduled()
    world.clock.set(RESTORE)
    hold = transitions.hold_after_restore

    def refuse(tx: Any, post: Post, **values: Any) -> Post | None:
        if post.id == locked.id:
            raise Locked
        return hold(tx, post, **values)

    monkeypatch.setattr(transitions, "hold_after_restore", refuse)
    done, shown = run(world)
    assert (done.held, done.in_doubt, shown) == (1, 1, [free.id])
    assert world.read(locked).status == "scheduled"


def test_dry_run_lists_the_posts_and_writes_nothing(world: World):
    post, flying = world.scheduled(), world.in_flight()
    later = world.scheduled(at=IN_TEN_MINUTES + timedelta(hours=1))
    world.clock.set(RESTORE)
    before, armed = world.all_post_rows(), len(world.messages.published)
    done, shown = run(world, dry_run=True)
    assert (done.held, done.later, sorted(shown)) == (2, 1, sorted([post.id, flying.id]))
    assert (world.all_post_rows(), len(world.messages.published)) == (before, armed)
    assert world.read(later).message_id == later.message_id


def test_last_instant_is_the_latest_write_of_any_kind(world: World):
    post = world.scheduled()
    assert read_since(world.deps, None) == world.clock.now()
    world.clock.advance(minutes=1)
    drafts.edit_post(world.deps, USER, post.id, {"content": "Edited"})
    assert read_since(world.deps, None) == world.clock.now()
    edited = world.clock.now()
    world.clock.advance(minutes=1)
    assert read_since(world.deps, None) == edited
    sweep(world.deps)
    assert read_since(world.deps, None) == world.clock.now()


def test_poll_mode_holds_too_and_arms_nothing(world: World):
    post = due_in_the_lost_time(world)
    world.with_deps(messages=None)
    done, _ = run(world)
    assert (done.held, done.later, done.armed) == (1, 0, 0)
    assert world.attempts(post)[0].trigger == "poll"
    sweep(world.deps)
    assert world.publisher.submissions == []


def test_later_post_whose_message_was_cancelled_in_the_lost_time_is_held(world: World):
    called_off, stays = (world.scheduled(at=IN_TEN_MINUTES + timedelta(hours=hours)) for hours in (1, 2))
    world.messages.cancelled.append(called_off.message_id or "")
    world.clock.set(RESTORE)
    dry, _ = run(world, dry_run=True)
    assert (dry.held, dry.later) == (1, 1)
    done, shown = run(world)
    assert (done.held, done.in_doubt, done.later, done.armed, shown) == (1, 0, 1, 1, [called_off.id])
    assert (world.read(called_off).status, world.read(stays).status) == ("failed", "scheduled")


def test_unreadable_log_is_said_and_the_rest_is_done(world: World):
    post = due_in_the_lost_time(world)
    world.messages.log_error = "unreachable"
    done, _ = run(world)
    assert (done.held, done.log_unread, world.read(post).status) == (1, True, "failed")
