"""The claim of ready deliveries: committed at its instant, and a reason for each delivery that lost."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa

from app.delivery import claim as module
from app.delivery.claim import ClockSetBack, claim
from app.domain.delivery import DeliveryResult, Dispatched, ReadyDelivery, TurnedAway
from app.domain.post import Post
from app.store.operations import pauses
from app.store.posts import leases, queries, transitions
from app.store.posts.claim_sql import Intent
from app.store.schema.tables import attempts
from tests.support.world import IN_TEN_MINUTES, World

BUSY = Dispatched("ignored", "busy")
SECOND = timedelta(seconds=1)


def ready(world: World, post: Post, **changes: Any) -> ReadyDelivery:
    with world.db.reading() as connection:
        found, account, [circuit], _ = queries.delivery_of(connection, post.id)
    assert found is not None
    made = ReadyDelivery(found, IN_TEN_MINUTES, "message", account, "", circuit)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def lease(world: World) -> timedelta:
    return timedelta(seconds=world.deps.settings.publish_lease_seconds)


def test_group_is_claimed_with_leases_from_now(world: World):
    group = [ready(world, world.due()) for _ in range(2)]
    blocked = ready(world, world.due(), blocked="missed", trigger="sweep")
    assert claim(world.deps, [*group, blocked]) == [None] * 3
    now = world.clock.now()
    for delivery in (*group, blocked):
        assert delivery.claimed == world.read(delivery.post)
        assert delivery.lease_until == delivery.claimed.lease_until == now + lease(world)
        assert (delivery.claimed.status, delivery.locked, delivery.early_by) == ("publishing", False, None)
    assert [d.claimed and d.claimed.sending_at for d in (*group, blocked)] == [now, now, None]
    assert [world.attempts(d.post)[0].trigger for d in (group[0], blocked)] == ["message", "sweep"]


def test_claim_ahead_is_held_until_its_instant_and_carries_it(world: World):
    post = world.scheduled(IN_TEN_MINUTES)
    world.clock.set(IN_TEN_MINUTES - timedelta(milliseconds=8))
    delivery = ready(world, post)
    with mock.patch.object(module, "_hold_until") as hold:
        assert claim(world.deps, [delivery], IN_TEN_MINUTES) == [None]
    hold.assert_called_once_with(world.deps, IN_TEN_MINUTES)
    assert delivery.claimed is not None
    assert (delivery.claimed.sending_at, delivery.lease_until) == (IN_TEN_MINUTES, IN_TEN_MINUTES + lease(world))


@pytest.mark.parametrize(
    ("tolerance", "ahead_ms", "allowed"), [(0.0, 8, 0.008), (1.0, 8, 1.008), (None, 8, None), (0.0, -8, 0.0)]
)
def test_databases_clock_has_until_the_commit_of_a_claim_ahead(
    world: World, tolerance: float | None, ahead_ms: int, allowed: float | None
):
    post = world.scheduled(IN_TEN_MINUTES)
    world.clock.set(IN_TEN_MINUTES - timedelta(milliseconds=ahead_ms))
    with mock.patch.object(module, "_hold_until"), mock.patch.object(transitions, "claim", return_value={}) as written:
        claim(world.deps, [ready(world, post, tolerance=tolerance)], IN_TEN_MINUTES)
        claim(world.deps, [ready(world, post, tolerance=tolerance)])
    assert [call.args[1][0].tolerance for call in written.call_args_list] == [allowed, tolerance]


def test_claim_that_is_not_held_to_its_end_changes_nothing(world: World):
    post = world.scheduled(IN_TEN_MINUTES)
    world.clock.set(IN_TEN_MINUTES - timedelta(milliseconds=8))
    delivery = ready(world, post)
    with pytest.raises(ClockSetBack):
        claim(world.deps, [delivery], IN_TEN_MINUTES)
    assert (delivery.claimed, world.read(post)) == (None, post)


def test_due_claim_is_not_held(world: World):
    with mock.patch.object(module, "_hold_until") as hold:
        claim(world.deps, [ready(world, world.due())])
    assert hold.call_count == 0


def test_each_loser_gets_its_own_reason(world: World):
    won, sent, stale, edited, moved, both = (ready(world, world.due()) for _ in range(6))
    assert claim(world.deps, [ready(world, sent.post)]) == [None]
    stale.post = replace(stale.post, generation=stale.post.generation - 1)
    edited.version = edited.post.updated_at - SECOND
    assert moved.account is not None
    moved.account = replace(moved.account, access_token="another")
    both.version, both.account = edited.version, moved.account
    group = [won, sent, stale, edited, moved, both]
    reasons = [None, BUSY, BUSY, TurnedAway.POST_CHANGED, TurnedAway.ACCOUNT_CHANGED, TurnedAway.ACCOUNT_CHANGED]
    assert claim(world.deps, group) == reasons
    assert [delivery.claimed is not None for delivery in group] == [True] + [False] * 5
    assert not any(delivery.locked for delivery in group)
    assert [world.read(delivery.post).status for delivery in group[2:]] == ["scheduled"] * 4


def test_pause_in_the_middle_turns_away_only_what_was_not_claimed(world: World):
    won, lost = ready(world, world.due()), ready(world, world.due())
    lost.post = replace(lost.post, generation=lost.post.generation - 1)
    with mock.patch.object(pauses, "read", return_value=object()):
        assert claim(world.deps, [won, lost]) == [None, TurnedAway.PAUSED]


def test_only_a_sent_attempt_names_its_n8n(world: World):
    sent, blocked = ready(world, world.due()), ready(world, world.due(), blocked="missed")
    sent.publisher = blocked.publisher = 1
    claim(world.deps, [sent, blocked])
    with world.db.reading() as connection:
        rows = connection.execute(sa.select(attempts.c.post_id, attempts.c.publisher)).all()
    assert dict(rows) == {sent.post.id: 1, blocked.post.id: None}


def test_lost_post_still_scheduled_counts_as_locked_where_locks_are_skipped(world: World):
    won, sent, moved = (ready(world, world.due()) for _ in range(3))
    assert claim(world.deps, [ready(world, sent.post)]) == [None]
    assert moved.account is not None
    moved.account = replace(moved.account, access_token="another")
    claim(world.deps, [won, sent, moved], skip_locked=True)
    assert [delivery.locked for delivery in (won, sent, moved)] == [False, False, True]


@pytest.mark.parametrize(
    ("database_clock", "skip_locked", "compared"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_losers_are_compared_with_the_databases_clock_where_it_has_one(
    world: World, database_clock: bool, skip_locked: bool, compared: bool
):
    world.with_deps(database_clock=database_clock)
    won, lost = (ready(world, world.due()) for _ in range(2))
    lost.version = lost.post.updated_at - SECOND
    early = {delivery.post.id: SECOND for delivery in (won, lost)}
    with mock.patch.object(leases, "early_by_database", return_value=early) as compare:
        results = claim(world.deps, [won, lost], skip_locked=skip_locked)
    assert results == [None, TurnedAway.TOO_EARLY if compared else TurnedAway.POST_CHANGED]
    assert [delivery.early_by for delivery in (won, lost)] == [None, SECOND if compared else None]
    assert compare.call_count == compared
    if compared:
        assert compare.call_args == mock.call(mock.ANY, [lost.post], world.clock.now())
        assert compare.call_args.args[0] is not None


@pytest.mark.parametrize("skip_locked", [True, False])
def test_store_is_given_each_delivery_as_prepared(world: World, skip_locked: bool):
    one = ready(world, world.due(), trigger="sweep", tolerance=0.5)
    one.version = one.post.updated_at
    with mock.patch.object(transitions, "claim", wraps=transitions.claim) as store:
        claim(world.deps, [one], skip_locked=skip_locked)
    prepared = (one.post.id, one.post.generation, one.account, "sweep", True, one.post.updated_at, 0.5)
    intent = Intent(*prepared, publisher=0)
    assert store.call_args.args[1] == [intent]
    assert store.call_args.kwargs["skip_locked"] is skip_locked


def test_group_without_a_loser_reads_nothing_more(world: World):
    world.with_deps(database_clock=True)
    with (
        mock.patch.object(queries, "accounts_of") as first,
        mock.patch.object(leases, "still_scheduled") as second,
        mock.patch.object(leases, "early_by_database") as third,
    ):
        claim(world.deps, [ready(world, world.due())])
        claim(world.deps, [ready(world, world.due())], skip_locked=True)
    assert (first.called, second.called, third.called) == (False, False, False)


CHANGED, EDITED, EARLY = TurnedAway.ACCOUNT_CHANGED, TurnedAway.POST_CHANGED, TurnedAway.TOO_EARLY


@pytest.mark.parametrize(
    ("early_by", "looked_at", "account_changed", "result"),
    [
        (None, False, False, BUSY),
        (None, True, False, EDITED),
        (None, False, True, CHANGED),
        (None, True, True, CHANGED),
        (SECOND, False, False, EARLY),
        (SECOND, True, False, EARLY),
        (SECOND, False, True, EARLY),
        (timedelta(0), False, False, EARLY),
        (timedelta(0), True, False, EDITED),
        (timedelta(0), False, True, CHANGED),
        (-SECOND, False, False, EARLY),
        (-SECOND, True, False, EDITED),
    ],
)
def test_reason_of_a_lost_claim(
    world: World, early_by: timedelta | None, looked_at: bool, account_changed: bool, result: DeliveryResult
):
    post = world.scheduled()
    lost = ready(world, post, early_by=early_by, version=post.updated_at if looked_at else None)
    assert module._loss(lost, account_changed) == result


def test_claim_after_the_clock_was_set_back_is_too_early_and_not_busy(world: World):
    delivery = ready(world, world.due())
    world.clock.set(IN_TEN_MINUTES - SECOND)
    assert claim(world.deps, [delivery], skip_locked=True) == [TurnedAway.TOO_EARLY]
    assert (delivery.early_by, delivery.claimed) == (SECOND, None)
