"""A row locked by another transaction delays the work on that row alone, and not without limit."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.refresh import refresh_due
from app.alarms import arm_batch
from app.delivery.gate.gate import Gate
from app.domain.delivery import Dispatched
from app.domain.errors import Locked, Unavailable
from app.domain.ports import Reply, Submission
from app.store.accounts import tokens
from app.store.engine import Connection, Database, TimeLimits, make_engine
from app.store.operations import alerts, breaker, runs
from app.store.schema import tables
from app.store.schema.tables import leases, posts, social_accounts
from app.sweep.sweep import poll, sweep
from tests.support.fakes import answered
from tests.support.gate_deliveries import EARLY, posts_due_together, results, sent_post_ids, waiting_at_gate
from tests.support.threads import TIMEOUT_SECONDS
from tests.support.world import IN_TEN_MINUTES, USER, World

LIMITS = TimeLimits(lock=0.2, statement=20.0, idle_transaction=20.0)
SOON = timedelta(seconds=1)


@pytest.fixture
def limited(postgresql_url: str) -> Iterator[World]:
    """A world with a short limit for locks."""
    made = World(postgresql_url)
    made.db.close()
    made.db = type(made.db)(make_engine(postgresql_url, LIMITS))
    made.with_deps(db=made.db)
    yield made
    made.close()


@pytest.fixture
def other(postgresql_url: str) -> Iterator[Database]:
    """Another client of the database, without limits."""
    made = Database(make_engine(postgresql_url))
    yield made
    made.close()


@contextmanager
def locked(other: Database, table: sa.Table, *where: Any) -> Iterator[None]:
    """Hold these rows, at least one, in another transaction while the block runs."""
    with other.transaction() as tx:
        assert tx.execute(sa.select(table).where(*where).with_for_update()).all()
        yield


# The gate


def test_locked_post_at_the_gate_delays_that_post_alone(limited: World, other: Database):
    limited.with_deps(gate=Gate())
    group = posts_due_together(limited, 8)
    limited.clock.set(IN_TEN_MINUTES - EARLY)
    with locked(other, posts, posts.c.id == group[3].id):
        with waiting_at_gate(limited, limited.deps.gate, group) as coming:  # type: ignore[arg-type]
            pass
        kept = coming.pop(3)
        assert results(coming) == [Dispatched("dispatched")] * 7
        assert isinstance(kept.exception(TIMEOUT_SECONDS), Locked)
        assert limited.clock.now() == IN_TEN_MINUTES
    assert limited.read(group[3]).status == "scheduled"
    assert limited.dispatch(group[3]) == Dispatched("dispatched")
    assert sent_post_ids(limited) == sorted(post.id for post in group)


def test_post_unlocked_within_the_limit_is_sent_by_the_same_delivery(pg_world: World, other: Database):
    pg_world.with_deps(gate=Gate())
    [post, free] = posts_due_together(pg_world, 2)
    pg_world.clock.set(IN_TEN_MINUTES - EARLY)
    with waiting_at_gate(pg_world, pg_world.deps.gate, [post, free]) as coming:  # type: ignore[arg-type] # noqa: SIM117
        with locked(other, posts, posts.c.id == post.id):
            pg_world.clock.set(IN_TEN_MINUTES)
            assert coming[1].result(TIMEOUT_SECONDS) == Dispatched("dispatched")
            assert not coming[0].done()
    assert coming[0].result(TIMEOUT_SECONDS) == Dispatched("dispatched")
    assert len(pg_world.attempts(post)) == 1


@pytest.mark.parametrize("table", ["posts", "attempts"])
def test_row_locked_during_the_send_delays_the_settle_of_that_post_alone(limited: World, other: Database, table: str):
    limited.with_deps(gate=Gate())
    group = posts_due_together(limited, 6)
    limited.clock.set(IN_TEN_MINUTES - EARLY)
    rows = tables.metadata.tables[table]
    key = rows.c.id if table == "posts" else rows.c.post_id
    with ThreadPoolExecutor(1) as pool, other.transaction() as tx:

        def lock_then_answer(submission: Submission) -> Reply:
            if submission.post_id == group[2].id:
                found = pool.submit(lambda: tx.execute(sa.select(rows).where(key == group[2].id).with_for_update()))
                assert found.result(TIMEOUT_SECONDS).all()
            return answered(202)

        limited.publisher.answers(*[lock_then_answer] * 6)
        with waiting_at_gate(limited, limited.deps.gate, group) as coming:  # type: ignore[arg-type]
            pass
        kept = coming.pop(2)
        assert results(coming) == [Dispatched("dispatched")] * 5
        assert [limited.outcomes(post) for post in group if post is not group[2]] == [["accepted"]] * 5
        assert kept.result(TIMEOUT_SECONDS) == Dispatched("dispatched", "not_settled")
    assert limited.outcomes(group[2]) == [None]
    assert limited.report_published(group[2]).applied


# The shared rows


def trip(world: World, failures: int) -> None:
    with world.db.transaction() as tx:
        for _ in range(failures):
            breaker.record_failure(tx, threshold=5, cooldown=SOON, now=world.clock.now(), owner=USER)


@pytest.mark.parametrize(("status", "outcome"), [(202, "accepted"), (503, "transient")])
def test_locked_breaker_keeps_no_send_from_being_recorded(limited: World, other: Database, status: int, outcome: str):
    trip(limited, 1)
    limited.publisher.answers(answered(status))
    post = limited.due()
    with locked(other, tables.breakers):
        limited.dispatch(post)
        assert limited.outcomes(post) == [outcome]
    with limited.db.reading() as connection:
        assert breaker.read(connection).failures == 1


def test_locked_breaker_keeps_no_group_from_being_recorded(limited: World, other: Database):
    trip(limited, 1)
    limited.with_deps(gate=Gate())
    group = posts_due_together(limited, 5)
    limited.clock.set(IN_TEN_MINUTES - EARLY)
    with locked(other, tables.breakers):
        with waiting_at_gate(limited, limited.deps.gate, group) as coming:  # type: ignore[arg-type]
            pass
        assert results(coming) == [Dispatched("dispatched")] * 5
        assert [limited.outcomes(post) for post in group] == [["accepted"]] * 5


def test_probe_is_not_taken_while_the_breaker_is_locked(limited: World, other: Database):
    trip(limited, 5)
    post = limited.due()
    with locked(other, tables.breakers):
        assert limited.dispatch(post) == Dispatched("retry_scheduled", "breaker_open")
    limited.at_due(post)
    assert limited.dispatch(limited.read(post)) == Dispatched("dispatched")


def test_rest_of_a_transaction_keeps_its_own_limit_after_the_breaker(limited: World):
    with limited.db.transaction() as tx:
        breaker.record_failure(tx, threshold=5, cooldown=SOON, now=limited.clock.now())
        assert tx.execute(sa.text("SHOW lock_timeout")).scalar() == "200ms"


def test_locked_alert_stops_neither_a_settle_nor_a_clear(limited: World, other: Database):
    now = limited.clock.now()
    with limited.db.transaction() as tx:
        alerts.raise_alert(tx, "reconnect_required", limited.account.id, "Reconnect.", now)
    post = limited.in_flight()
    with locked(other, tables.alerts):
        assert limited.report_failed(post, http_status=401).status == "failed"
        with limited.db.transaction() as tx:
            alerts.clear(tx, "reconnect_required", limited.account.id)
    assert limited.alerts() == {"reconnect_required": limited.account.id}


def test_locked_slot_of_an_account_refuses_its_own_posts_only(limited: World, other: Database):
    limited.set(account_spacing_seconds=1.0)
    first = limited.due()
    assert limited.dispatch(first) == Dispatched("dispatched")
    limited.clock.advance(minutes=1)
    [mine, elsewhere] = [limited.due(), limited.due(platform="facebook")]
    with locked(other, tables.account_slots):
        with pytest.raises(Locked):
            limited.dispatch(mine)
        assert limited.dispatch(elsewhere) == Dispatched("dispatched")
    assert limited.dispatch(mine) == Dispatched("dispatched")


# The report


def test_report_of_a_locked_post_is_refused_and_applied_once_it_is_free(limited: World, other: Database):
    published, failed = limited.in_flight(), limited.in_flight()
    with locked(other, posts):
        with pytest.raises(Unavailable):
            limited.report_published(published)
        with pytest.raises(Unavailable):
            limited.report_failed(failed, http_status=400)
    assert limited.report_published(published).applied
    assert limited.report_failed(failed, http_status=400).applied


# The sweep


def test_locked_expired_post_waits_for_the_next_sweep_and_the_others_go_on(limited: World, other: Database):
    limited.set(unknown_outcome_policy="retry")  # four posts without a report would be held
    group = [limited.in_flight() for _ in range(4)]
    limited.after_lease(group[-1])
    with locked(other, posts, posts.c.id == group[1].id):
        assert sweep(limited.deps).expired == 3
    assert sweep(limited.deps).expired == 1
    assert {limited.read(post).status for post in group} == {"scheduled"}


def test_locked_overdue_post_waits_for_the_next_sweep_and_the_others_go_on(limited: World, other: Database):
    group = posts_due_together(limited, 4)
    limited.clock.set(IN_TEN_MINUTES + timedelta(minutes=5))
    with locked(other, posts, posts.c.id == group[1].id):
        assert sweep(limited.deps).recovered == 3
    assert limited.read(group[1]).status == "scheduled"
    assert sweep(limited.deps).recovered >= 1
    assert limited.read(group[1]).status == "publishing"


def test_locked_unarmed_post_waits_for_the_next_sweep_and_the_others_go_on(limited: World, other: Database):
    group = posts_due_together(limited, 4)
    for post in group:
        limited.overwrite(post, message_id=None)
    limited.clock.advance(minutes=5)
    with locked(other, posts, posts.c.id == group[1].id):
        assert sweep(limited.deps).armed == 3
    assert sweep(limited.deps).armed == 1


def test_locked_due_post_in_poll_mode_waits_and_the_others_go_on(limited: World, other: Database):
    limited.with_deps(messages=None)
    group = [limited.due() for _ in range(3)]
    with locked(other, posts, posts.c.id == group[1].id):
        assert poll(limited.deps).recovered == 2
    assert poll(limited.deps).recovered == 1


def test_poll_goes_on_while_the_row_of_the_sweeps_lease_is_locked(limited: World, other: Database):
    limited.with_deps(messages=None)
    limited.due()
    now = limited.clock.now()
    assert runs.acquire_lease(limited.db, runs.SWEEP, "dead", now=now, until=now - SOON)
    with locked(other, leases):
        assert poll(limited.deps).recovered == 1


def test_locked_account_waits_for_the_next_sweep_and_the_others_are_refreshed(
    limited: World, other: Database, monkeypatch: pytest.MonkeyPatch
):
    limited.connect("linkedin", "urn:li:person:2")
    asked: list[str] = []
    monkeypatch.setattr("app.accounts.refresh.refresh", partial(_lease_only, asked))
    monkeypatch.setattr("app.accounts.refresh.tokens.due", _all_accounts)
    limited.with_deps(linkedin=object())
    monkeypatch.setattr("app.accounts.refresh.alert_expiring", lambda *_: None)
    with locked(other, social_accounts, social_accounts.c.id == limited.account.id):
        refresh_due(limited.deps, limited.clock.now() + SOON)
    assert len(asked) == 1


def _all_accounts(connection: Connection, *_: object) -> list[tokens.DueAccount]:
    found = connection.execute(sa.select(social_accounts.c.id).order_by(social_accounts.c.created_at)).scalars()
    return [tokens.DueAccount(account_id, account_id) for account_id in found]


def _lease_only(asked: list[str], deps: Any, account_id: str, *_: object) -> str:
    with deps.db.transaction() as tx:
        tx.execute(sa.update(social_accounts).where(social_accounts.c.id == account_id).values(account_name="x"))
    asked.append(account_id)
    return "refreshed"


def test_messages_of_a_locked_post_are_not_cancelled(limited: World, other: Database):
    group = posts_due_together(limited, 3)
    for post in group:
        limited.overwrite(post, message_id=None)
    unarmed = [limited.read(post) for post in group]
    with locked(other, posts, posts.c.id == group[0].id):
        assert arm_batch(limited.deps, unarmed) == []
    assert limited.messages.cancelled == []
    assert [limited.read(post).message_id is None for post in group] == [True, False, False]


def test_prune_skips_the_locked_rows_of_every_kind(limited: World, other: Database):
    limited.set(retention_days=30.0)
    group = [limited.published() for _ in range(3)]
    limited.clock.advance(days=40)
    with locked(other, posts, posts.c.id == group[0].id):
        assert sweep(limited.deps).pruned == 2
    assert sweep(limited.deps).pruned == 1
