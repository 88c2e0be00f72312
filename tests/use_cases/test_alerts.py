"""Operators' alerts: start time, count and cure, and clearing when the fault ends."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.accounts.accounts import remove_account
from app.alerts import raise_alert
from app.domain.alerts import CURES
from app.domain.times import to_wire
from app.operations.status import scheduler_status
from app.store.operations import alerts
from app.store.schema.tables import attempts, posts, social_accounts
from app.sweep.sweep import poll, sweep
from tests.support.fakes import START, answered
from tests.support.rows import post_row
from tests.support.world import USER, World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def alerts_by_kind(world: World) -> dict[str, dict[str, Any]]:
    return {alert["kind"]: alert for alert in scheduler_status(world.deps)["alerts"]}


def stored_kinds(world: World) -> set[str]:
    with world.db.reading() as connection:
        return {alert.kind for alert in alerts.current(connection)}


@pytest.mark.parametrize("poll_mode", [False, True])
def test_no_sweep_alert_appears_after_fifteen_minutes_and_ends_with_next_sweep(world: World, poll_mode: bool):
    if poll_mode:
        world.with_deps(messages=None)
    poll(world.deps)
    world.clock.advance(minutes=15)
    assert alerts_by_kind(world) == {}
    world.clock.advance(microseconds=1)
    state = scheduler_status(world.deps)
    (found,) = state["alerts"]
    assert (found["kind"], found["since"], found["count"]) == ("no_sweep", to_wire(START), 1)
    assert found["detail"] == CURES["no_sweep"]
    assert state["operational"] is not poll_mode  # in poll mode nothing is sent without a sweep
    poll(world.deps)
    assert alerts_by_kind(world) == {}


def test_no_sweep_alert_counts_from_first_post_if_no_sweep_ever_ran(world: World):
    world.clock.advance(hours=1)
    assert alerts_by_kind(world) == {}
    world.draft()
    world.clock.advance(minutes=31)
    assert (alerts_by_kind(world)["no_sweep"]["since"], alerts_by_kind(world)["no_sweep"]["count"]) == (
        to_wire(START + HOUR),
        2,
    )


def abandon(world: World, count: int) -> None:
    """Let the leases of `count` posts in flight expire, and sweep them."""
    in_flight = [world.in_flight() for _ in range(count)]
    world.after_lease(in_flight[-1])
    assert sweep(world.deps).expired == count


def test_stale_claims_alert_needs_six_within_an_hour_and_ends_after_it(world: World):
    abandon(world, 5)
    assert "stale_claims" not in alerts_by_kind(world)
    first = world.clock.now()
    world.clock.advance(minutes=20)
    abandon(world, 1)
    found = alerts_by_kind(world)["stale_claims"]
    assert (found["since"], found["lastAt"], found["count"]) == (to_wire(first), to_wire(world.clock.now()), 6)
    world.clock.set(first + HOUR + timedelta(microseconds=1))
    sweep(world.deps)
    assert "stale_claims" not in alerts_by_kind(world)


def insert_attempts(world: World, ago: timedelta, *late_ms: float) -> datetime:
    """Insert published posts with first attempts this late. Return the first send time, `ago` before now."""
    at = world.clock.now() - ago
    with world.db.transaction() as tx:
        for number, late in enumerate(late_ms):
            row = post_row("published", social_account_id=world.account.id)
            tx.execute(sa.insert(posts).values(row))
            begun = at + timedelta(seconds=number)
            tried = {"post_id": row["id"], "attempt": 1, "generation": 1, "trigger": "message", "started_at": begun}
            tx.execute(sa.insert(attempts).values(tried | {"sent_at": begun, "lateness_ms": late}))
    return at


def test_unusual_lateness_alert_lasts_until_the_hour_ends(world: World):
    insert_attempts(world, 2 * DAY, *[10.0] * 20)
    began = insert_attempts(world, 30 * MINUTE, *[20.0] * 10, 9000.0, 8000.0)
    found = alerts_by_kind(world)["lateness_unusual"]
    assert (found["count"], found["since"]) == (2, to_wire(began + timedelta(seconds=10)))
    assert found["lastAt"] == to_wire(began + timedelta(seconds=11))
    world.clock.advance(minutes=31)
    assert "lateness_unusual" not in alerts_by_kind(world)


@pytest.mark.parametrize(
    ("usual", "recent"),
    [
        ([1.0] * 20, [4999.0] * 20),  # many times the usual, but under the alert's minimum
        ([50_000.0] * 20, [58_000.0] * 20),  # a poll every minute
        ([50_000.0] * 2 + [10.0] * 18, [58_000.0] * 20),  # sends were as late now and then before
        ([], [60_000.0] * 20),  # no history yet
        ([10.0] * 4, [60_000.0] * 20),
        ([10.0] * 20, [60_000.0] * 4),  # four posts are too few
        ([10.0] * 20, [10.0] * 95 + [60_000.0] * 5),  # only one in twenty is late
    ],
)
def test_small_usual_or_rare_lateness_raises_no_alert(world: World, usual: list[float], recent: list[float]):
    if usual:
        insert_attempts(world, 2 * DAY, *usual)
    insert_attempts(world, 30 * MINUTE, *recent)
    assert alerts_by_kind(world) == {}


def test_usual_lateness_is_taken_from_the_last_seven_days(world: World):
    insert_attempts(world, 8 * DAY, *[60_000.0] * 50)
    insert_attempts(world, 2 * DAY, *[10.0] * 20)
    insert_attempts(world, 30 * MINUTE, *[60_000.0] * 10)
    assert set(alerts_by_kind(world)) == {"lateness_unusual"}


@pytest.mark.parametrize(("status", "kind"), [(404, "workflow_inactive"), (403, "publisher_refuses_us")])
def test_workflow_alert_clears_after_an_accepted_send(world: World, status: int, kind: str):
    post = world.due()
    world.publisher.answers(answered(status))
    world.dispatch(post)
    sweep(world.deps)
    assert set(alerts_by_kind(world)) == {kind}
    world.at_due(post)
    world.dispatch(post)
    assert alerts_by_kind(world) == {}
    assert stored_kinds(world) == {kind}
    sweep(world.deps)
    assert stored_kinds(world) == set()


def test_workflow_alert_stays_while_answers_refuse_every_send(world: World):
    post = world.due()
    world.publisher.answers(answered(404), answered(500))
    world.dispatch(post)
    world.at_due(post)
    world.dispatch(post)
    assert [tried.http_status for tried in world.attempts(post)] == [404, 500]
    assert set(alerts_by_kind(world)) == {"workflow_inactive"}


def test_workflow_alert_stays_if_the_last_accepted_send_came_before_the_refusal(world: World):
    world.in_flight()
    world.clock.advance(seconds=1)
    refused = world.scheduled(world.clock.now())
    world.publisher.answers(answered(404))
    world.dispatch(refused)
    sweep(world.deps)
    assert set(alerts_by_kind(world)) == {"workflow_inactive"}


@pytest.mark.parametrize("code", ["quota_exceeded", "unauthorized"])
def test_message_service_alert_clears_after_an_accepted_message(world: World, code: str):
    world.messages.publish_error = code
    world.scheduled()
    assert set(alerts_by_kind(world)) == {f"message_service_{code}"}
    sweep(world.deps)
    assert set(alerts_by_kind(world)) == {f"message_service_{code}"}
    world.messages.publish_error = None
    world.scheduled()
    assert alerts_by_kind(world) == {}


def test_message_service_alert_stays_after_a_partly_refused_batch(world: World):
    world.messages.publish_error = "quota_exceeded"
    first, _ = world.scheduled(), world.scheduled()
    world.messages.publish_error = None
    world.messages.refused_posts = {first.id}
    world.clock.advance(minutes=1)
    sweep(world.deps)
    assert set(alerts_by_kind(world)) == {"message_service_quota_exceeded"}


def test_beyond_horizon_alert_clears_at_next_sweep_after_the_setting_is_corrected(world: World):
    world.messages.publish_error = "beyond_horizon"
    world.scheduled(START + 5 * DAY)
    world.messages.publish_error = None
    world.scheduled()
    assert set(alerts_by_kind(world)) == {"message_service_beyond_horizon"}
    world.set(qstash_max_delay_days=3.0)
    world.clock.advance(minutes=1)
    sweep(world.deps)
    assert alerts_by_kind(world) == {}


def test_reconnect_alert_lasts_until_account_is_reconnected_or_removed(world: World):
    for clear in (world.connect, lambda: remove_only_account(world)):
        post = world.in_flight()
        world.report_failed(post, http_status=401)
        sweep(world.deps)
        found = alerts_by_kind(world)["reconnect_required"]
        assert (found["subject"], found["detail"]) == (None, CURES["reconnect_required"])
        clear()
        assert alerts_by_kind(world) == {}


def remove_only_account(world: World) -> None:
    remove_account(world.deps, USER, world.account.id)
    with world.db.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(social_accounts)).scalar_one() == 0


def test_duplicate_publish_alert_lasts_seven_days(world: World):
    post = world.published()
    world.report_published(post, "urn:li:share:2")
    at = world.clock.now()
    sweep(world.deps)
    assert set(alerts_by_kind(world)) == {"duplicate_publish"}
    world.clock.set(at + 7 * DAY)
    sweep(world.deps)
    assert set(alerts_by_kind(world)) == {"duplicate_publish"}
    world.clock.advance(microseconds=1)
    assert alerts_by_kind(world) == {}


def test_alert_raised_again_during_clearing_stays(world: World):
    post = world.published()
    world.report_published(post, "urn:li:share:2")
    world.clock.advance(days=8)
    with world.db.reading() as connection:
        (seen,) = alerts.current(connection)
    raise_alert(world.deps, seen.kind, seen.subject, "again")
    with world.db.transaction() as tx:
        alerts.clear_unless_renewed(tx, seen)
    assert stored_kinds(world) == {"duplicate_publish"}


def test_hundreds_of_users_alerts_hide_no_alert_of_the_operator(world: World):
    raise_alert(world.deps, "message_service_quota_exceeded", "qstash", "simulated")
    world.clock.advance(seconds=1)
    for number in range(150):
        raise_alert(world.deps, "reconnect_soon", f"account-{number:03}", CURES["reconnect_soon"])
        raise_alert(world.deps, "duplicate_publish", f"post-{number:03}", CURES["duplicate_publish"])
    found = scheduler_status(world.deps)["alerts"]
    assert found[0]["kind"] == "message_service_quota_exceeded"
    assert sorted(alert["kind"] for alert in found[1:]) == ["duplicate_publish", "reconnect_soon"]
    assert [alert["count"] for alert in found] == [1, 150, 150]
    assert {alert["subject"] for alert in found[1:]} == {None}


def test_old_events_are_cleared_beside_hundreds_of_newer_alerts(world: World):
    raise_alert(world.deps, "duplicate_publish", "post-old", CURES["duplicate_publish"])
    world.clock.advance(days=8)
    for number in range(150):
        raise_alert(world.deps, "reconnect_soon", f"account-{number:03}", CURES["reconnect_soon"])
    sweep(world.deps)
    assert "duplicate_publish" not in stored_kinds(world)


def test_many_new_alerts_of_a_kind_are_one_line_of_the_log(world: World, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logger="punctual")
    with world.db.transaction() as tx:
        alerts.raise_for_many(tx, "reconnect_soon", [f"account-{n}" for n in range(5)], "detail", START)
        alerts.clear_subjects(tx, "reconnect_soon", {f"account-{n}" for n in range(5)})
    assert [record.getMessage() for record in caplog.records] == ["alert", "alert.cleared"]
    assert [record.fields["count"] for record in caplog.records] == [5, 5]  # type: ignore[attr-defined]
