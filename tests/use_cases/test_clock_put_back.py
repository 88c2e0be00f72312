"""A clock an hour ahead that is put back: what it wrote delays nothing for longer than one normal duration.

Every stored end has a test: leases, locks, pauses, probes, reservations, slots, OAuth states, retries, alerts, counts.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.connect import begin, complete
from app.delivery.report import grant_execution_claim
from app.domain.breaker import Breaker
from app.domain.delivery import Dispatched
from app.domain.errors import Invalid
from app.domain.lifecycle import Status
from app.idempotency import KEPT_FOR, LEASE, KeyLock, KeyRecord, finish, lock_key
from app.operations.status import scheduler_status
from app.store.accounts import accounts, tokens
from app.store.operations import runs
from app.store.posts import reservations
from app.store.schema.tables import idempotency_keys, social_accounts
from app.sweep.poll import RESERVED_FOR
from app.sweep.retention import keep_counts_and_prune, prune_expired_records
from app.sweep.sweep import poll, sweep
from tests.support.fakes import START, answered, not_sent
from tests.support.linkedin import failure
from tests.support.oauth_world import OAuthWorld
from tests.support.world import IN_TEN_MINUTES, USER

HOUR = timedelta(hours=1)
AHEAD = [HOUR, timedelta(days=365)]


@pytest.fixture
def world(database_url: str) -> Iterator[OAuthWorld]:
    made = OAuthWorld(database_url)
    yield made
    made.close()


def put_back(world: OAuthWorld, by: timedelta = HOUR) -> None:
    world.clock.set(world.clock.now() - by)


@pytest.mark.parametrize("ahead", AHEAD)
def test_sweep_runs_at_once_when_the_holder_of_its_lease_had_a_clock_ahead(world: OAuthWorld, ahead: timedelta):
    now = START + ahead
    assert runs.acquire_lease(world.db, runs.SWEEP, "the dead one", now=now, until=now + timedelta(seconds=65))
    assert not sweep(world.deps).skipped


def test_sweep_lease_of_a_clock_a_little_ahead_still_holds(world: OAuthWorld):
    now = START + timedelta(seconds=30)
    assert runs.acquire_lease(world.db, runs.SWEEP, "the busy one", now=now, until=now + timedelta(seconds=65))
    assert sweep(world.deps).skipped


@pytest.mark.parametrize("ahead", AHEAD)
def test_refresh_lease_of_a_clock_ahead_is_over(world: OAuthWorld, ahead: timedelta):
    account = world.expiring_account()
    now = START + ahead
    with world.db.transaction() as tx:
        assert tokens.acquire_lease(tx, account.id, now + HOUR * 24 * 7, now, now + timedelta(seconds=70))
    world.maintain_accounts()
    assert len(world.linkedin.refreshed) == 1


@pytest.mark.parametrize("ahead", [timedelta(hours=12), timedelta(days=365)])
def test_pause_after_a_failed_refresh_is_over_when_a_clock_ahead_wrote_it(world: OAuthWorld, ahead: timedelta):
    world.expiring_account()
    world.clock.set(START + ahead)
    world.linkedin.answers.append(failure("unreachable"))
    world.maintain_accounts()
    world.clock.set(START)
    world.maintain_accounts()
    assert len(world.linkedin.refreshed) == 2


def test_refused_token_marks_an_account_connected_by_a_clock_ahead(world: OAuthWorld):
    world.clock.set(START + HOUR)
    account = world.connect(external_id="urn:li:person:2")
    world.clock.set(START)
    with world.db.transaction() as tx:
        assert accounts.mark_reconnect(tx, account.id, START, sent_at=START)


def test_idempotency_lock_of_a_clock_ahead_ends_one_lease_after_it_is_noticed(world: OAuthWorld):
    world.clock.set(START + HOUR)
    assert isinstance(lock_key(world.deps, USER, "key", "print"), KeyLock)
    world.clock.set(START)
    assert isinstance(lock_key(world.deps, USER, "key", "print"), KeyRecord)  # its holder may be at work
    world.clock.advance(seconds=LEASE.total_seconds())
    assert isinstance(lock_key(world.deps, USER, "key", "print"), KeyLock)


def test_answer_stored_by_a_clock_ahead_is_kept_a_day_and_no_longer(world: OAuthWorld):
    world.clock.set(START + timedelta(days=365))
    lock = lock_key(world.deps, USER, "key", "print")
    assert isinstance(lock, KeyLock)
    finish(world.deps, lock, 200, {}, "{}")
    world.clock.set(START)
    prune_expired_records(world.deps)
    assert isinstance(lock_key(world.deps, USER, "key", "print"), KeyRecord)
    world.clock.set(START + KEPT_FOR)
    prune_expired_records(world.deps)
    with world.db.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(idempotency_keys)).scalar_one() == 0


@pytest.mark.parametrize("ahead", AHEAD)
def test_breaker_opened_by_a_clock_ahead_probes_at_once(world: OAuthWorld, ahead: timedelta):
    world.set(breaker_threshold=1)
    first = world.scheduled(IN_TEN_MINUTES)
    world.clock.set(START + ahead + HOUR)
    world.publisher.answers(not_sent())
    world.dispatch(first)
    world.clock.set(IN_TEN_MINUTES)
    other = world.schedule(world.draft(), IN_TEN_MINUTES).post
    assert world.dispatch(other) == Dispatched("dispatched")
    assert world.circuit() == Breaker()


def test_failed_probe_sets_the_breakers_opening_to_now_if_a_clock_ahead_wrote_it(world: OAuthWorld):
    world.set(breaker_threshold=1)
    first = world.scheduled(IN_TEN_MINUTES)
    world.clock.set(IN_TEN_MINUTES + HOUR)
    world.publisher.default_reply = not_sent()
    world.dispatch(first)
    world.clock.set(IN_TEN_MINUTES)
    world.dispatch(world.schedule(world.draft(), IN_TEN_MINUTES).post)
    assert world.circuit().opened_at == IN_TEN_MINUTES


def test_reservation_of_a_clock_ahead_is_over(world: OAuthWorld):
    world.with_deps(messages=None)
    post = world.scheduled()
    with world.db.transaction() as tx:
        ahead = IN_TEN_MINUTES + HOUR
        assert len(reservations.take(tx, ahead, ahead - RESERVED_FOR, 10)) == 1
    world.clock.set(IN_TEN_MINUTES)
    assert poll(world.deps).recovered == 1
    assert world.read(post).status is Status.PUBLISHING


def test_post_swept_by_a_clock_ahead_is_swept_again(world: OAuthWorld):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + HOUR)
    world.overwrite(post, updated_at=world.clock.now())  # just armed, so it is armed again
    assert sweep(world.deps).recovered == 1
    world.clock.set(IN_TEN_MINUTES + timedelta(minutes=5))
    assert sweep(world.deps).recovered == 1
    assert world.read(post).status is Status.PUBLISHING


def test_unarmed_post_changed_by_a_clock_ahead_is_armed(world: OAuthWorld):
    world.clock.set(START + HOUR)
    world.messages.publish_error = "unreachable"
    post = world.schedule(world.draft(), START + 2 * HOUR).post
    world.messages.publish_error = None
    world.clock.set(START)
    sweep(world.deps)
    assert world.read(post).armed


@pytest.mark.parametrize("ahead", AHEAD)
def test_lease_of_a_clock_ahead_ends_one_lease_after_the_sweep_that_notices_it(world: OAuthWorld, ahead: timedelta):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + ahead)
    assert world.dispatch(post) == Dispatched("dispatched")
    world.clock.set(IN_TEN_MINUTES)
    sweep(world.deps)
    lease = timedelta(seconds=world.deps.settings.publish_lease_seconds)
    after = world.read(post)
    assert (after.status, after.lease_until) == (Status.PUBLISHING, IN_TEN_MINUTES + lease)  # n8n may be at work
    grant_execution_claim(world.deps, post.id, 1)
    world.clock.set(IN_TEN_MINUTES + lease + timedelta(seconds=1))
    sweep(world.deps)
    assert world.read(post).status is not Status.PUBLISHING


def test_slot_of_a_clock_ahead_holds_an_account_for_one_spacing_at_most(world: OAuthWorld):
    world.set(account_spacing_seconds=60.0)
    first, second = world.scheduled(), world.scheduled()
    world.clock.set(IN_TEN_MINUTES + HOUR)
    assert world.dispatch(first) == Dispatched("dispatched")
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(second) == Dispatched("retry_scheduled", "spaced")
    assert 60 <= world.seconds_until_due(second) <= 61


def test_turn_of_a_clock_ahead_counts_in_the_daily_cap(world: OAuthWorld):
    world.set(account_daily_cap=1)
    first, second = world.scheduled(), world.scheduled()
    world.clock.set(IN_TEN_MINUTES + HOUR)
    assert world.dispatch(first) == Dispatched("dispatched")
    world.clock.set(IN_TEN_MINUTES)
    assert world.dispatch(second) == Dispatched("retry_scheduled", "daily_cap")
    assert 23.9 * 3600 <= world.seconds_until_due(second) <= 24.1 * 3600


def test_retry_planned_by_a_clock_ahead_comes_after_its_normal_delay(world: OAuthWorld):
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + HOUR)
    world.publisher.answers(answered(500))
    assert world.dispatch(post).status == "retry_scheduled"
    world.clock.set(IN_TEN_MINUTES)
    sweep(world.deps)
    after = world.read(post)
    assert after.next_attempt_at == IN_TEN_MINUTES + timedelta(minutes=2)
    assert (after.retry_count, after.error_code, after.armed) == (1, "publisher_error", True)
    assert world.reasons(post)[-1] == "clock_corrected"


def test_promise_made_by_a_clock_ahead_is_not_moved(world: OAuthWorld):
    world.clock.set(START + HOUR)
    post = world.schedule(world.draft(), START + 2 * HOUR).post
    world.clock.set(START)
    sweep(world.deps)
    assert world.read(post).next_attempt_at == START + 2 * HOUR


def test_oauth_state_of_a_clock_ahead_has_expired(world: OAuthWorld):
    world.clock.set(START + HOUR)
    started = begin(world.deps, USER)
    world.clock.set(START)
    with pytest.raises(Invalid, match="Connect again"):
        complete(world.deps, started.url.rpartition("state=")[2], started.browser_secret, "code-1", "")
    for _ in range(12):  # the states from the future do not displace the new ones
        started = begin(world.deps, USER)
    assert complete(world.deps, started.url.rpartition("state=")[2], started.browser_secret, "code-1", "").id


def test_alert_raised_by_a_clock_ahead_ends_with_the_next_accepted_send(world: OAuthWorld):
    post, other = world.scheduled(), world.scheduled()
    world.clock.set(IN_TEN_MINUTES + HOUR)
    world.publisher.answers(answered(404))
    world.dispatch(post)
    world.clock.set(IN_TEN_MINUTES)
    sweep(world.deps)
    assert "workflow_inactive" in world.alerts()
    world.clock.advance(seconds=1)
    world.dispatch(other)
    world.clock.advance(seconds=1)
    sweep(world.deps)
    assert "workflow_inactive" not in world.alerts()


def test_total_of_published_posts_is_exact_after_a_clock_ahead(world: OAuthWorld):
    world.published()
    world.clock.advance(hours=1)
    keep_counts_and_prune(world.deps, world.clock.now(), lambda: True)
    put_back(world)
    for _ in range(2):
        world.published()
        world.clock.advance(minutes=1)
    keep_counts_and_prune(world.deps, world.clock.now(), lambda: True)
    assert scheduler_status(world.deps)["totalPublished"] == 3


def test_status_answers_while_instants_are_in_the_future(world: OAuthWorld):
    world.clock.set(START + HOUR)
    world.published()
    sweep(world.deps)
    world.clock.set(START)
    assert scheduler_status(world.deps)["database"] == "ok"
    with world.db.reading() as connection:
        assert connection.execute(sa.select(social_accounts.c.id)).scalars().all()


def test_sweep_that_was_frozen_shortens_no_lease_made_meanwhile(world: OAuthWorld):
    world.clock.set(IN_TEN_MINUTES)
    post = world.in_flight()
    world.overwrite(post, lease_until=IN_TEN_MINUTES + timedelta(minutes=13))  # claimed five minutes later
    lease_until = world.read(post).lease_until
    # The freeze: the sweep has read the clock and wakes five minutes later, in its first write after the lease.
    world.at_next_transaction(lambda: None)
    world.at_next_transaction(lambda: world.clock.advance(minutes=5))
    sweep(world.deps)
    assert world.read(post).lease_until == lease_until


def test_retry_of_a_claim_before_its_time_is_moved_back_to_the_promise(world: OAuthWorld):
    """A clock ahead claimed the post early and n8n refused it. The retry must not come before the promise either."""
    post = world.scheduled()
    world.clock.set(IN_TEN_MINUTES + timedelta(minutes=50))
    world.publisher.answers(answered(503))
    assert world.dispatch(post).status == "retry_scheduled"
    world.clock.set(IN_TEN_MINUTES - timedelta(minutes=5))
    sweep(world.deps)
    after = world.read(post)
    assert (world.reasons(post)[-1], after.next_attempt_at) == ("clock_corrected", IN_TEN_MINUTES)
