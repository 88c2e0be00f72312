"""Concurrent settles, reports and sweeps: a true report wins, and a stale finisher changes nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

from app.delivery.report import grant_execution_claim
from app.delivery.settle import settle
from app.domain.errors import Conflict
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Post
from app.store.posts import attempts, leases
from app.sweep.sweep import sweep
from tests.support.fakes import answered
from tests.support.rows import claim as rows_claim
from tests.support.threads import TIMEOUT_SECONDS, errors, run_together, wait_until_blocked
from tests.support.world import World

ROUNDS = 6
ACCEPTED = Verdict(Outcome.ACCEPTED, http_status=200)
FAILED = Verdict(Outcome.PERMANENT, "rejected_by_platform", "…")


def claimed(world: World) -> Post:
    """Return a claimed post whose sender has sent it and not yet settled."""
    post = world.due()
    now = world.clock.now()
    with world.db.transaction() as tx:
        lease = now + timedelta(minutes=10)
        claim = rows_claim(tx, post, now=now, lease_until=lease, trigger="message", sending=True)
    assert claim is not None
    return claim


def retried(world: World) -> tuple[Post, Post]:
    """Return a post as its first sender holds it, and as now stored, due for a retry."""
    first = world.in_flight()
    world.after_lease(first)
    sweep(world.deps)
    return first, world.read(first)


def test_stale_settle_during_a_new_claim_changes_nothing(pg_world: World):
    pg_world.set(unknown_outcome_policy="retry")  # many posts without a report would be held
    for verdict in [FAILED, ACCEPTED, Verdict(Outcome.TRANSIENT, "publisher_error", "…")] * 2:
        first, second = retried(pg_world)
        results = run_together([partial(settle, pg_world.deps, first, verdict), partial(pg_world.dispatch, second)])
        assert errors(results) == []
        now = pg_world.read(first)
        assert (now.status, now.attempt, now.generation) == ("publishing", 2, 1)
        assert pg_world.reasons(first) == ["created", "scheduled", "claimed", "lease_over", "claimed"]


def test_published_report_during_a_sweep_is_applied(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.in_flight()
        pg_world.after_lease(post)
        swept, applied = run_together([partial(sweep, pg_world.deps), partial(pg_world.report_published, post)])
        assert errors([swept, applied]) == []
        assert applied.applied
        now = pg_world.read(post)
        assert (now.status, now.message_id, now.next_attempt_at) == ("published", None, None)
        assert pg_world.outcomes(post) == ["published"]
        assert pg_world.dispatch(post).status == "ignored"


def test_published_report_during_settle_wins_over_any_verdict(pg_world: World):
    replies = [ACCEPTED, FAILED, Verdict(Outcome.UNKNOWN, "outcome_unknown"), Verdict(Outcome.TRANSIENT, "x", "…")]
    for verdict in replies * 2:
        post = claimed(pg_world)
        sent_at = pg_world.clock.now() + timedelta(milliseconds=12)
        own = partial(settle, pg_world.deps, post, verdict, sent_at=sent_at)
        results = run_together([own, partial(pg_world.report_published, post)])
        assert errors(results) == []
        now = pg_world.read(post)
        assert (now.status, pg_world.outcomes(post)) == ("published", ["published"])
        assert pg_world.attempts(post)[0].lateness_ms == 12.0


def test_report_waiting_for_settle_keeps_the_measured_lateness(pg_world: World):
    post = claimed(pg_world)
    sent_at = pg_world.clock.now() + timedelta(milliseconds=12)
    with ThreadPoolExecutor(1) as pool:
        with pg_world.db.transaction() as tx:  # the settle has written but not committed
            assert leases.extend_leases(tx, [post], lease_until=sent_at + timedelta(hours=1), now=sent_at)
            attempts.record_send(tx, post, sent_at=sent_at, accepted_at=sent_at, http_status=200)
            attempts.close(tx, post.id, post.attempt, ACCEPTED, sent_at)
            report = pool.submit(pg_world.report_published, post)
            wait_until_blocked(pg_world.db)
        assert report.result(TIMEOUT_SECONDS).applied
    assert (pg_world.read(post).status, pg_world.read(post).lateness_ms) == ("published", 12.0)


def test_failed_report_during_settle_is_applied_once(pg_world: World):
    for _ in range(ROUNDS):
        post = claimed(pg_world)
        own = partial(settle, pg_world.deps, post, ACCEPTED, sent_at=pg_world.clock.now())
        results = run_together([own, partial(pg_world.report_failed, post, http_status=400)])
        assert errors(results) == []
        now = pg_world.read(post)
        assert (now.status, now.retry_count, pg_world.outcomes(post)) == ("failed", 1, ["permanent"])
        assert pg_world.reasons(post).count("rejected_by_platform") == 1


def test_concurrent_repeats_of_a_report_are_applied_once(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.in_flight()
        results = run_together([partial(pg_world.report_published, post)] * 4)
        assert errors(results) == []
        assert [result.applied for result in results].count(True) == 1
        assert pg_world.reasons(post).count("published") == 1
        assert pg_world.alerts() == {}


def test_concurrent_repeats_of_a_failure_cost_one_retry(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.in_flight()
        results = run_together([partial(pg_world.report_failed, post, http_status=500)] * 4)
        assert errors(results) == []
        now = pg_world.read(post)
        assert (now.status, now.retry_count, pg_world.reasons(post).count("retry")) == ("scheduled", 1, 1)


def test_concurrent_executions_get_one_grant(pg_world: World):
    for _ in range(ROUNDS):
        post = pg_world.in_flight()
        answers = run_together([partial(grant_execution_claim, pg_world.deps, post.id, 1)] * 4)
        assert answers.count(None) == 1
        assert {type(answer) for answer in answers if answer is not None} == {Conflict}


def test_execution_asking_during_a_sweep_gets_a_grant_only_for_a_publishing_post(pg_world: World):
    pg_world.set(unknown_outcome_policy="retry")  # many posts without a report would be held
    for _ in range(ROUNDS):
        post = pg_world.in_flight()
        lease_until = pg_world.read(post).lease_until
        assert lease_until is not None
        pg_world.clock.set(lease_until - timedelta(seconds=1))
        asked, _ = run_together(
            [partial(grant_execution_claim, pg_world.deps, post.id, 1), partial(sweep_a_little_later, pg_world)]
        )
        status = pg_world.read(post).status
        assert status == ("publishing" if asked is None else "scheduled")


def sweep_a_little_later(world: World):
    world.clock.advance(seconds=2)
    return sweep(world.deps)


def test_many_concurrent_settles_and_reports_do_not_deadlock(pg_world: World):
    pg_world.set(breaker_threshold=3)
    pg_world.publisher.default_reply = answered(500)
    for _ in range(3):
        in_flight = [claimed(pg_world) for _ in range(6)]
        sent_at = pg_world.clock.now()
        down = Verdict(Outcome.TRANSIENT, "publisher_error", "…", http_status=500)
        circuit = pg_world.circuit()
        works: list[Callable[[], Any]] = [
            partial(settle, pg_world.deps, post, down, sent_at=sent_at, circuit=circuit) for post in in_flight
        ]
        works += [partial(pg_world.report_published, post) for post in in_flight]
        works += [partial(pg_world.report_failed, post, http_status=401) for post in in_flight]
        assert errors(run_together(works)) == []
        assert {pg_world.read(post).status for post in in_flight} == {"published"}
        pg_world.connect(token="token-2")
