"""Concurrent manual actions, sweeps, leases and breaker probes: exactly one takes effect."""

from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from app.adapters.threads import run_many
from app.deps import Deps
from app.domain.breaker import Breaker
from app.domain.errors import Conflict, Invalid
from app.domain.ports import Submission
from app.domain.post import Post
from app.posts import drafts, recover, schedule
from app.posts.refusals import require_publishable
from app.store.operations import breaker, runs
from app.store.schema.tables import leases
from app.sweep.run import Swept
from app.sweep.sweep import sweep
from tests.support.threads import TIMEOUT_SECONDS, errors, run_beside, run_together
from tests.support.world import IN_TEN_MINUTES, USER, World

ROUNDS = 6


def test_five_concurrent_manual_retries_retry_once(world: World):
    for _ in range(3):
        post = world.failed()
        retry = partial(recover.recover, world.deps, USER, post.id, "retry", False)
        results = run_together([retry] * 5)
        refused = errors(results)
        assert len(refused) == 4
        assert {error.code for error in refused if isinstance(error, Conflict)} == {"not_recoverable"}
        now = world.read(post)
        assert (now.status, now.generation) == ("scheduled", post.generation + 1)
        assert world.reasons(post).count("retried_by_hand") == 1


def test_manual_retry_during_a_sweep_is_one_retry(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.expired()
        retry = partial(recover.recover, pg_world.deps, USER, post.id, "retry", False)
        by_hand, swept = run_together([retry, partial(sweep, pg_world.deps)])
        assert errors([swept]) == []
        reasons = pg_world.reasons(post)
        assert reasons.count("retried_by_hand") + reasons.count("lease_over") == 1
        assert isinstance(by_hand, Conflict) == (reasons[-1] == "lease_over")
        assert pg_world.read(post).status == "scheduled"


def test_two_concurrent_reschedules_leave_one_instant_and_one_current_message(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.scheduled()
        instants = [IN_TEN_MINUTES + timedelta(hours=n) for n in (1, 2)]
        results = run_together([partial(pg_world.schedule, post, at) for at in instants])
        assert errors(results) == []
        now = pg_world.read(post)
        assert now.scheduled_at == now.next_attempt_at
        assert now.scheduled_at in instants
        assert now.generation == post.generation + 2
        current = [message for message, a in pg_world.messages.pending.items() if a.generation == now.generation]
        assert current == [now.message_id]
        pg_world.messages.pending.clear()


def test_concurrent_sweep_is_skipped_and_each_post_is_sent_once(world: World):
    for _ in range(3):
        posts = [world.scheduled(world.clock.now() + timedelta(seconds=1)) for _ in range(5)]
        world.clock.advance(minutes=5)
        world.publisher.submissions.clear()
        world.messages.publish_error = "unreachable"
        with_threads = world.with_deps(run_many=run_many)
        inner: list[Swept] = []
        world.publisher.during_send = partial(sweep_during_send, world, inner)
        with run_beside(partial(sweep, with_threads)) as running:
            outer = running.result(TIMEOUT_SECONDS)
        world.messages.publish_error = world.publisher.during_send = None
        assert (outer.skipped, outer.recovered) == (False, 5)
        assert {swept.skipped for swept in inner} == {True}
        assert sorted(s.post_id for s in world.publisher.submissions) == sorted(post.id for post in posts)


def sweep_during_send(world: World, swept: list[Swept], _submission: Submission) -> None:
    swept.append(sweep(world.deps))


def test_sweeps_started_together_send_each_post_once(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.scheduled(pg_world.clock.now() + timedelta(seconds=1))
        pg_world.clock.advance(minutes=5)
        pg_world.messages.publish_error = "unreachable"
        results = run_together([partial(sweep, pg_world.deps)] * 3)
        pg_world.messages.publish_error = None
        assert errors(results) == []
        assert [s.post_id for s in pg_world.publisher.submissions].count(post.id) == 1


def test_free_lease_is_acquired_once_by_concurrent_callers(pg_world: World):
    for _ in range(ROUNDS):
        assert acquire_concurrently(pg_world, 8).count(True) == 1
        with pg_world.db.transaction() as tx:
            tx.execute(sa.delete(leases))


def test_expired_lease_is_acquired_once_by_concurrent_callers(pg_world: World):
    for _ in range(ROUNDS):
        runs.acquire_lease(pg_world.db, "sweep", "the dead one", now=pg_world.clock.now(), until=pg_world.clock.now())
        assert acquire_concurrently(pg_world, 8).count(True) == 1
        pg_world.clock.advance(minutes=2)


def acquire_concurrently(world: World, count: int) -> list[bool]:
    now = world.clock.now()
    until = now + timedelta(minutes=1)
    take = [partial(runs.acquire_lease, world.db, "sweep", f"taker-{n}", now=now, until=until) for n in range(count)]
    results = run_together(take)
    assert errors(results) == []
    return results


def test_concurrent_callers_get_one_breaker_probe(pg_world: World):
    now = pg_world.clock.now()
    with pg_world.db.transaction() as tx:
        breaker.record_failure(tx, threshold=1, cooldown=timedelta(seconds=1), now=now)
    for _ in range(ROUNDS):
        now += timedelta(seconds=1)
        seen = pg_world.circuit()
        assert run_together([partial(probe, pg_world, seen, now)] * 8).count(True) == 1


def probe(world: World, seen: Breaker, now) -> bool:
    with world.db.transaction() as tx:
        return breaker.take_probe(tx, seen, now, now + timedelta(seconds=1))


def test_concurrent_failures_are_all_counted_and_one_opens_the_breaker(pg_world: World):
    def fail() -> bool:
        with pg_world.db.transaction() as tx:
            cooldown = timedelta(seconds=60)
            return breaker.record_failure(tx, threshold=5, cooldown=cooldown, now=pg_world.clock.now())

    results = run_together([fail] * 20)
    assert results.count(True) == 1
    assert errors(results) == []
    assert pg_world.circuit().failures == 20


def test_edit_during_a_delivery_is_sent_or_refused(pg_world: World):
    for n in range(ROUNDS):
        post = pg_world.due(content="old")
        pg_world.publisher.submissions.clear()
        edit = partial(drafts.edit_post, pg_world.deps, USER, post.id, {"content": f"new {n}"})
        edited, delivered = run_together([edit, partial(pg_world.dispatch, post)])
        assert delivered.status == "dispatched"
        (submission,) = pg_world.publisher.submissions
        assert submission.content == ("old" if isinstance(edited, Conflict) else f"new {n}")


def test_account_connected_concurrently_is_one_account(pg_world: World):
    for n in range(ROUNDS):
        results = run_together([partial(pg_world.connect, "facebook", f"page-{n}")] * 3)
        assert errors(results) == []
        assert len({account.id for account in results}) == 1


def test_draft_edited_during_its_schedule_is_checked_as_edited(pg_world: World, monkeypatch: pytest.MonkeyPatch):
    """On SQLite the writer's lock is taken before the read, so no edit comes between."""
    post = pg_world.draft()
    checked: list[str] = []

    def check_then_edit(deps: Deps, seen: Post) -> None:
        require_publishable(deps, seen)
        if not checked:
            drafts.edit_post(deps, USER, post.id, {"content": "x" * 3001})
        checked.append(seen.content)

    monkeypatch.setattr(schedule, "require_publishable", check_then_edit)
    with pytest.raises(Invalid) as refused:
        pg_world.schedule(post)
    assert refused.value.code == "platform_limits"
    assert (pg_world.read(post).status, checked) == ("draft", ["Hello"])
