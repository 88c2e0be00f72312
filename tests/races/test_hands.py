"""Hands, sweeps, leases and the breaker at the same time: one of them does it, and the others are told so."""

from datetime import timedelta
from functools import partial

import sqlalchemy as sa

from app.adapters.threads import run_many
from app.domain.breaker import Breaker
from app.domain.errors import Conflict
from app.domain.ports import Submission
from app.posts import drafts, schedule
from app.store.operations import breaker, runs
from app.store.schema.tables import leases
from app.sweep.sweep import Swept, sweep
from tests.support.threads import PATIENCE, beside, errors, together
from tests.support.world import IN_TEN_MINUTES, USER, World

ROUNDS = 6


def test_five_retries_by_hand_at_once_do_one_thing(world: World):
    for _ in range(3):
        post = world.failed()
        retry = partial(schedule.recover, world.deps, USER, post.id, "retry", False)
        results = together([retry] * 5)
        refused = errors(results)
        assert len(refused) == 4
        assert {error.code for error in refused if isinstance(error, Conflict)} == {"not_recoverable"}
        now = world.read(post)
        assert (now.status, now.generation) == ("scheduled", post.generation + 1)
        assert world.reasons(post).count("retried_by_hand") == 1


def test_a_retry_by_hand_beside_the_sweep_is_one_retry(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.expired()
        retry = partial(schedule.recover, crowd.deps, USER, post.id, "retry", False)
        by_hand, swept = together([retry, partial(sweep, crowd.deps)])
        assert errors([swept]) == []
        reasons = crowd.reasons(post)
        assert reasons.count("retried_by_hand") + reasons.count("lease_over") == 1
        assert isinstance(by_hand, Conflict) == (reasons[-1] == "lease_over")
        assert crowd.read(post).status == "scheduled"


def test_two_reschedules_at_once_leave_one_promise_and_one_message_that_is_not_stale(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.scheduled()
        instants = [IN_TEN_MINUTES + timedelta(hours=n) for n in (1, 2)]
        results = together([partial(crowd.schedule, post, at) for at in instants])
        assert errors(results) == []
        now = crowd.read(post)
        assert now.scheduled_at == now.next_attempt_at
        assert now.scheduled_at in instants
        assert now.generation == post.generation + 2
        current = [message for message, a in crowd.messages.pending.items() if a.generation == now.generation]
        assert current == [now.message_id]
        crowd.messages.pending.clear()


def test_of_two_sweeps_at_once_one_is_skipped_and_every_post_goes_out_once(world: World):
    for _ in range(3):
        posts = [world.scheduled(world.clock.now() + timedelta(seconds=1)) for _ in range(5)]
        world.clock.advance(minutes=5)
        world.publisher.submissions.clear()
        world.messages.refusing = "unreachable"
        with_threads = world.with_deps(run_many=run_many)
        inner: list[Swept] = []
        world.publisher.during_send = partial(sweep_beside, world, inner)
        with beside(partial(sweep, with_threads)) as running:
            outer = running.result(PATIENCE)
        world.messages.refusing = world.publisher.during_send = None
        assert (outer.skipped, outer.recovered) == (False, 5)
        assert {swept.skipped for swept in inner} == {True}
        assert sorted(s.post_id for s in world.publisher.submissions) == sorted(post.id for post in posts)


def sweep_beside(world: World, swept: list[Swept], _submission: Submission) -> None:
    swept.append(sweep(world.deps))


def test_sweeps_that_start_together_send_every_post_once(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.scheduled(crowd.clock.now() + timedelta(seconds=1))
        crowd.clock.advance(minutes=5)
        crowd.messages.refusing = "unreachable"
        results = together([partial(sweep, crowd.deps)] * 3)
        crowd.messages.refusing = None
        assert errors(results) == []
        assert [s.post_id for s in crowd.publisher.submissions].count(post.id) == 1


def test_of_many_who_take_a_lease_that_was_never_taken_one_gets_it(crowd: World):
    for _ in range(ROUNDS):
        assert takers(crowd, 8).count(True) == 1
        with crowd.db.transaction() as tx:
            tx.execute(sa.delete(leases))


def test_of_many_who_take_over_a_dead_sweeps_lease_one_gets_it(crowd: World):
    for _ in range(ROUNDS):
        runs.take_lease(crowd.db, "sweep", "the dead one", now=crowd.clock.now(), until=crowd.clock.now())
        assert takers(crowd, 8).count(True) == 1
        crowd.clock.advance(minutes=2)


def takers(world: World, count: int) -> list[bool]:
    now = world.clock.now()
    until = now + timedelta(minutes=1)
    take = [partial(runs.take_lease, world.db, "sweep", f"taker-{n}", now=now, until=until) for n in range(count)]
    results = together(take)
    assert errors(results) == []
    return results


def test_of_many_who_would_probe_at_once_one_does(crowd: World):
    now = crowd.clock.now()
    with crowd.db.transaction() as tx:
        breaker.record_failure(tx, threshold=1, cooldown=timedelta(seconds=1), now=now)
    for _ in range(ROUNDS):
        now += timedelta(seconds=1)
        seen = crowd.circuit()
        assert together([partial(probe, crowd, seen, now)] * 8).count(True) == 1


def probe(world: World, seen: Breaker, now) -> bool:
    with world.db.transaction() as tx:
        return breaker.take_probe(tx, seen, now, now + timedelta(seconds=1))


def test_failures_at_once_are_all_counted_and_one_of_them_opens_the_breaker(crowd: World):
    def fail() -> bool:
        with crowd.db.transaction() as tx:
            cooldown = timedelta(seconds=60)
            return breaker.record_failure(tx, threshold=5, cooldown=cooldown, now=crowd.clock.now())

    results = together([fail] * 20)
    assert results.count(True) == 1
    assert errors(results) == []
    assert crowd.circuit().failures == 20


def test_an_edit_beside_a_delivery_is_in_the_send_or_refused(crowd: World):
    for n in range(ROUNDS):
        post = crowd.due(content="old")
        crowd.publisher.submissions.clear()
        edit = partial(drafts.edit_post, crowd.deps, USER, post.id, {"content": f"new {n}"})
        edited, delivered = together([edit, partial(crowd.dispatch, post)])
        assert delivered.status == "dispatched"
        (submission,) = crowd.publisher.submissions
        assert submission.content == ("old" if isinstance(edited, Conflict) else f"new {n}")


def test_connecting_one_account_twice_at_once_is_one_account(crowd: World):
    for n in range(ROUNDS):
        results = together([partial(crowd.connect, "facebook", f"page-{n}")] * 3)
        assert errors(results) == []
        assert len({account.id for account in results}) == 1
