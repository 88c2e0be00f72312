"""The claim of a group: posts with an unchanged intent and account, at most once each."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.domain.post import Account, Post
from app.store.posts import attempts, leases, queries, transitions
from app.store.posts.claim_sql import Intent
from app.store.schema.tables import posts
from tests.support.databases import record_statements
from tests.support.rows import DUE, LEASE, Rows

LATE = DUE + timedelta(milliseconds=1500, microseconds=250)


@pytest.fixture
def account(rows: Rows) -> Account:
    with rows.db.reading() as connection:
        return queries.accounts_of(connection, [post := rows.post("scheduled")])[post.id]


def intent(post: Post, account: Account | None, **values: object) -> Intent:
    return replace(Intent(post.id, post.generation, account, "message", sending=True), **values)  # type: ignore[arg-type]


def claim(rows: Rows, *intents: Intent, skip_locked: bool = False) -> dict[int, Post]:
    with rows.db.transaction() as tx:
        return transitions.claim(tx, intents, now=LATE, lease_until=LEASE, skip_locked=skip_locked)


def test_group_is_claimed_extended_and_accepted_in_one_statement_each(rows: Rows, account: Account):
    group = [rows.post("scheduled") for _ in range(5)]
    with rows.db.transaction() as tx, record_statements(rows.db.engine, "") as statements:
        won = transitions.claim(tx, [intent(post, account) for post in group], now=LATE, lease_until=LEASE)
        assert leases.extend_leases(tx, list(won.values()), lease_until=LEASE, now=LATE) == {post.id for post in group}
        attempts.accept(tx, [attempts.AcceptedSend(post, LATE, LATE, 200) for post in won.values()])
    assert len(statements) == 3 or rows.db.engine.dialect.name == "sqlite"
    assert [rows.attempts(post)[0].outcome for post in group] == ["accepted"] * 5


@pytest.mark.parametrize("skip_locked", [False, True])
def test_claim_returns_the_current_post_and_writes_attempt_and_transition(
    rows: Rows, account: Account, skip_locked: bool
):
    post, blocked = rows.post("scheduled"), rows.post("scheduled")
    rows.change(post, content="Edited a moment ago")
    unsent = intent(blocked, account, sending=False, trigger="sweep")
    won = claim(rows, intent(post, account), unsent, skip_locked=skip_locked)
    assert won == {0: rows.read(post), 1: rows.read(blocked)}
    assert (won[0].content, won[0].sending_at, won[1].sending_at) == ("Edited a moment ago", LATE, None)
    [sent], [other] = rows.attempts(post), rows.attempts(blocked)
    assert (sent.attempt, sent.generation, sent.trigger) == (1, post.generation, "message")
    assert (sent.started_at, sent.sent_at, sent.lateness_ms) == (LATE, LATE, 1500.25)
    assert (other.trigger, other.started_at, other.sent_at, other.lateness_ms) == ("sweep", LATE, None, None)
    [line] = rows.transitions(post)
    assert (line.at, line.from_status, line.to_status, line.reason) == (LATE, "scheduled", "publishing", "claimed")
    assert (line.actor, line.generation, line.attempt) == ("message", post.generation, 1)


@pytest.mark.parametrize("skip_locked", [False, True])
def test_claim_of_one_version_loses_after_an_edit(rows: Rows, account: Account, skip_locked: bool):
    same, edited = rows.post("scheduled"), rows.post("scheduled")
    rows.change(edited, updated_at=edited.updated_at + timedelta(milliseconds=1))
    intents = [intent(post, account, version=post.updated_at) for post in (same, edited)]
    assert claim(rows, *intents, skip_locked=skip_locked).keys() == {0}


@pytest.mark.parametrize("skip_locked", [False, True])
def test_claim_ends_the_wait_of_the_post_and_changes_its_version(rows: Rows, account: Account, skip_locked: bool):
    post = rows.post("scheduled")
    rows.change(post, swept_at=LATE)
    claimed = claim(rows, intent(post, account), skip_locked=skip_locked)[0]
    assert (claimed.swept_at, claimed.next_attempt_at, claimed.message_id) == (None, None, None)
    assert (claimed.updated_at, claimed.lease_until) == (LATE, LEASE)


@pytest.mark.parametrize("skip_locked", [False, True])
def test_of_several_intents_for_one_post_one_wins(rows: Rows, account: Account, skip_locked: bool):
    post = rows.post("scheduled")
    stale = intent(post, account, generation=post.generation - 1)
    assert list(claim(rows, stale, intent(post, account), skip_locked=skip_locked)) == [1]
    again = rows.post("scheduled")
    assert len(claim(rows, *[intent(again, account)] * 3, skip_locked=skip_locked)) == 1
    assert [len(rows.attempts(each)) for each in (post, again)] == [1, 1]


@pytest.mark.parametrize("field", ["access_token", "external_id", "status"])
def test_claim_with_a_changed_account_is_refused(rows: Rows, account: Account, field: str):
    post = rows.post("scheduled")
    other = replace(account, **{field: "other"})  # type: ignore[arg-type]
    assert claim(rows, intent(post, other), intent(post, None)) == {}
    assert rows.read(post) == post


def test_post_without_account_is_claimed_only_by_an_intent_without_account(rows: Rows, account: Account):
    orphan = rows.post("scheduled", social_account_id=None)
    assert claim(rows, intent(orphan, account)) == {}
    assert list(claim(rows, intent(orphan, None, sending=False))) == [0]


def test_claim_measures_lateness_to_the_microsecond(rows: Rows, account: Account):
    post = rows.post("scheduled")
    with rows.db.transaction() as tx:
        now = DUE + timedelta(microseconds=1_234)
        transitions.claim(tx, [intent(post, account)], now=now, lease_until=LEASE)
    assert [attempt.lateness_ms for attempt in rows.attempts(post)] == [1.234]


@pytest.fixture
def stored(postgresql_url: str) -> Iterator[Rows]:
    """Return rows of a PostgreSQL database, for its clock and its locks."""
    made = Rows(postgresql_url)
    yield made
    made.close()


@pytest.mark.parametrize("skip_locked", [False, True])
def test_claim_compares_the_databases_clock_where_the_intent_has_a_tolerance(stored: Rows, skip_locked: bool):
    with stored.db.reading() as connection:
        ours = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        account = queries.accounts_of(connection, [post := stored.post("scheduled")])[post.id]
    behind = (DUE - ours).total_seconds()
    for seconds, won in ((behind - 60, set()), (behind + 60, {0})):
        assert claim(stored, intent(post, account, tolerance=seconds), skip_locked=skip_locked).keys() == won


def test_claim_of_a_group_locks_no_other_post(stored: Rows):
    mine, other = stored.post("scheduled"), stored.post("scheduled")
    with stored.db.reading() as connection:
        account = queries.accounts_of(connection, [mine])[mine.id]
    with stored.db.transaction() as tx:
        assert transitions.claim(tx, [intent(mine, account)], now=LATE, lease_until=LEASE, skip_locked=True)
        with stored.db.transaction() as second:
            free = sa.select(posts.c.id).with_for_update(skip_locked=True)
            assert second.execute(free).scalars().all() == [other.id]
