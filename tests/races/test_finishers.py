"""Settles, reports and sweeps beside each other: the truth wins, and a stale finisher changes nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

from app.delivery.report import grant
from app.delivery.settle import settle
from app.domain.errors import Conflict
from app.domain.outcomes import Outcome, Verdict
from app.domain.post import Post
from app.store.posts import attempts, transitions
from app.sweep.sweep import sweep
from tests.support.fakes import answered
from tests.support.rows import claim as rows_claim
from tests.support.threads import PATIENCE, errors, together, wait_until_blocked
from tests.support.world import World

ROUNDS = 6
ACCEPTED = Verdict(Outcome.ACCEPTED, http_status=200)
FAILED = Verdict(Outcome.PERMANENT, "rejected_by_platform", "…")


def claimed(world: World) -> Post:
    """In the hands of a sender that has sent and not settled yet."""
    post = world.due()
    now = world.clock.now()
    with world.db.transaction() as tx:
        lease = now + timedelta(minutes=10)
        in_hands = rows_claim(tx, post, now=now, lease_until=lease, trigger="message", sending=True)
    assert in_hands is not None
    return in_hands


def retried(world: World) -> tuple[Post, Post]:
    """A post as its first sender still holds it, and as it is now: due for another attempt."""
    first = world.in_flight()
    world.after_lease(first)
    sweep(world.deps)
    return first, world.read(first)


def test_a_late_settle_beside_a_new_claim_changes_nothing_of_it(crowd: World):
    for verdict in [FAILED, ACCEPTED, Verdict(Outcome.TRANSIENT, "publisher_error", "…")] * 2:
        first, second = retried(crowd)
        results = together([partial(settle, crowd.deps, first, verdict), partial(crowd.dispatch, second)])
        assert errors(results) == []
        now = crowd.read(first)
        assert (now.status, now.attempt, now.generation) == ("publishing", 2, 1)
        assert crowd.reasons(first) == ["created", "scheduled", "claimed", "lease_over", "claimed"]


def test_a_report_beside_the_sweep_is_believed(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.in_flight()
        crowd.after_lease(post)
        swept, applied = together([partial(sweep, crowd.deps), partial(crowd.report_published, post)])
        assert errors([swept, applied]) == []
        assert applied.applied
        now = crowd.read(post)
        assert (now.status, now.message_id, now.next_attempt_at) == ("published", None, None)
        assert crowd.outcomes(post) == ["published"]
        assert crowd.dispatch(post).status == "ignored"


def test_a_report_of_success_beside_our_own_settle_is_believed_whatever_we_saw(crowd: World):
    replies = [ACCEPTED, FAILED, Verdict(Outcome.UNKNOWN, "outcome_unknown"), Verdict(Outcome.TRANSIENT, "x", "…")]
    for verdict in replies * 2:
        post = claimed(crowd)
        sent_at = crowd.clock.now() + timedelta(milliseconds=12)
        own = partial(settle, crowd.deps, post, verdict, sent_at=sent_at)
        results = together([own, partial(crowd.report_published, post)])
        assert errors(results) == []
        now = crowd.read(post)
        assert (now.status, crowd.outcomes(post)) == ("published", ["published"])
        assert crowd.attempts(post)[0].lateness_ms == 12.0


def test_a_report_that_waits_for_our_own_settle_keeps_the_measured_lateness(crowd: World):
    post = claimed(crowd)
    sent_at = crowd.clock.now() + timedelta(milliseconds=12)
    with ThreadPoolExecutor(1) as pool:
        with crowd.db.transaction() as tx:  # our settle has written and not committed yet
            assert transitions.extend_leases(tx, [post], lease_until=sent_at + timedelta(hours=1), now=sent_at)
            attempts.record_send(tx, post, sent_at=sent_at, http_status=200)
            attempts.close(tx, post.id, post.attempt, ACCEPTED, sent_at)
            report = pool.submit(crowd.report_published, post)
            wait_until_blocked(crowd.db)
        assert report.result(PATIENCE).applied
    assert (crowd.read(post).status, crowd.read(post).lateness_ms) == ("published", 12.0)


def test_a_report_of_failure_beside_our_own_settle_is_applied_once(crowd: World):
    for _ in range(ROUNDS):
        post = claimed(crowd)
        own = partial(settle, crowd.deps, post, ACCEPTED, sent_at=crowd.clock.now())
        results = together([own, partial(crowd.report_failed, post, http_status=400)])
        assert errors(results) == []
        now = crowd.read(post)
        assert (now.status, now.retry_count, crowd.outcomes(post)) == ("failed", 1, ["permanent"])
        assert crowd.reasons(post).count("rejected_by_platform") == 1


def test_replays_of_a_report_at_once_are_applied_once(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.in_flight()
        results = together([partial(crowd.report_published, post)] * 4)
        assert errors(results) == []
        assert [result.applied for result in results].count(True) == 1
        assert crowd.reasons(post).count("published") == 1
        assert crowd.alerts() == {}


def test_replays_of_a_failure_at_once_spend_one_try(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.in_flight()
        results = together([partial(crowd.report_failed, post, http_status=500)] * 4)
        assert errors(results) == []
        now = crowd.read(post)
        assert (now.status, now.retry_count, crowd.reasons(post).count("retry")) == ("scheduled", 1, 1)


def test_of_two_executions_that_ask_at_once_one_may_publish(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.in_flight()
        answers = together([partial(grant, crowd.deps, post.id, 1)] * 4)
        assert answers.count(None) == 1
        assert {type(answer) for answer in answers if answer is not None} == {Conflict}


def test_an_execution_that_asks_beside_the_sweep_may_publish_only_where_the_post_is_still_in_hand(crowd: World):
    for _ in range(ROUNDS):
        post = crowd.in_flight()
        lease_until = crowd.read(post).lease_until
        assert lease_until is not None
        crowd.clock.set(lease_until - timedelta(seconds=1))
        asked, _ = together([partial(grant, crowd.deps, post.id, 1), partial(sweep_a_little_later, crowd)])
        status = crowd.read(post).status
        assert status == ("publishing" if asked is None else "scheduled")


def sweep_a_little_later(world: World):
    world.clock.advance(seconds=2)
    return sweep(world.deps)


def test_many_answers_and_reports_at_once_lock_nobody_up(crowd: World):
    crowd.set(breaker_threshold=3)
    crowd.publisher.usual = answered(500)
    for _ in range(3):
        flying = [claimed(crowd) for _ in range(6)]
        sent_at = crowd.clock.now()
        down = Verdict(Outcome.TRANSIENT, "publisher_error", "…", http_status=500)
        circuit = crowd.circuit()
        works: list[Callable[[], Any]] = [
            partial(settle, crowd.deps, post, down, sent_at=sent_at, circuit=circuit) for post in flying
        ]
        works += [partial(crowd.report_published, post) for post in flying]
        works += [partial(crowd.report_failed, post, http_status=401) for post in flying]
        assert errors(together(works)) == []
        assert {crowd.read(post).status for post in flying} == {"published"}
        crowd.connect(token="token-2")
