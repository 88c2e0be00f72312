"""What an operator is told: since when, how often, what to do; and no longer than the trouble lasts."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.alerts import alert
from app.domain.alerts import CURES
from app.domain.times import to_wire
from app.operations.status import inspect
from app.posts import drafts
from app.store.operations import alerts
from app.store.schema.tables import attempts, posts, social_accounts
from app.sweep.sweep import poll, sweep
from tests.support.fakes import START, answered
from tests.support.rows import post_row
from tests.support.world import USER, World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def told(world: World) -> dict[str, dict[str, Any]]:
    return {alert["kind"]: alert for alert in inspect(world.deps)["alerts"]}


def kept(world: World) -> set[str]:
    with world.db.reading() as connection:
        return {alert.kind for alert in alerts.current(connection)}


@pytest.mark.parametrize("poll_mode", [False, True])
def test_no_sweep_for_fifteen_minutes_is_told_until_the_next_one(world: World, poll_mode: bool):
    if poll_mode:
        world.with_deps(messages=None)
    poll(world.deps)
    world.clock.advance(minutes=15)
    assert told(world) == {}
    world.clock.advance(microseconds=1)
    state = inspect(world.deps)
    (found,) = state["alerts"]
    assert (found["kind"], found["since"], found["count"]) == ("no_sweep", to_wire(START), 1)
    assert found["detail"] == CURES["no_sweep"]
    assert state["operational"] is not poll_mode  # without a sweep nothing goes out there
    poll(world.deps)
    assert told(world) == {}


def test_a_house_that_was_never_swept_is_told_since_its_first_post(world: World):
    world.clock.advance(hours=1)
    assert told(world) == {}
    world.draft()
    world.clock.advance(minutes=31)
    assert (told(world)["no_sweep"]["since"], told(world)["no_sweep"]["count"]) == (to_wire(START + HOUR), 2)


def abandon(world: World, count: int) -> None:
    """So many posts whose sender is never heard of again."""
    flying = [world.in_flight() for _ in range(count)]
    world.after_lease(flying[-1])
    assert sweep(world.deps).expired == count


def test_more_than_five_stale_claims_in_an_hour_are_told_and_forgotten_after_it(world: World):
    abandon(world, 5)
    assert told(world) == {}
    first = world.clock.now()
    world.clock.advance(minutes=20)
    abandon(world, 1)
    found = told(world)["stale_claims"]
    assert (found["since"], found["lastAt"], found["count"]) == (to_wire(first), to_wire(world.clock.now()), 6)
    world.clock.set(first + HOUR + timedelta(microseconds=1))
    sweep(world.deps)
    assert told(world) == {}


def sent(world: World, ago: timedelta, *late_ms: float) -> datetime:
    """First attempts begun then, so late."""
    at = world.clock.now() - ago
    with world.db.transaction() as tx:
        for number, late in enumerate(late_ms):
            row = post_row("published", social_account_id=world.account.id)
            tx.execute(sa.insert(posts).values(row))
            begun = at + timedelta(seconds=number)
            tried = {"post_id": row["id"], "attempt": 1, "generation": 1, "trigger": "message", "started_at": begun}
            tx.execute(sa.insert(attempts).values(tried | {"sent_at": begun, "lateness_ms": late}))
    return at


def test_lateness_over_its_usual_is_told_until_the_hour_is_over(world: World):
    sent(world, 2 * DAY, *[10.0] * 20)
    began = sent(world, 30 * MINUTE, *[20.0] * 10, 9000.0, 8000.0)
    found = told(world)["lateness_unusual"]
    assert (found["count"], found["since"]) == (2, to_wire(began + timedelta(seconds=10)))
    assert found["lastAt"] == to_wire(began + timedelta(seconds=11))
    world.clock.advance(minutes=31)
    assert "lateness_unusual" not in told(world)


@pytest.mark.parametrize(
    ("usual", "recent"),
    [
        ([1.0] * 20, [4999.0] * 20),  # many times its usual, and still nobody's trouble
        ([50_000.0] * 20, [58_000.0] * 20),  # a poll every minute
        ([50_000.0] * 2 + [10.0] * 18, [58_000.0] * 20),  # now and then it was as late before
        ([], [60_000.0] * 20),  # nobody knows what is usual yet
        ([10.0] * 4, [60_000.0] * 20),
        ([10.0] * 20, [60_000.0] * 4),  # of four posts nothing can be said
        ([10.0] * 20, [10.0] * 95 + [60_000.0] * 5),  # one in twenty is not the rule
    ],
)
def test_lateness_that_is_small_usual_or_rare_alarms_nobody(world: World, usual: list[float], recent: list[float]):
    if usual:
        sent(world, 2 * DAY, *usual)
    sent(world, 30 * MINUTE, *recent)
    assert told(world) == {}


def test_what_is_usual_is_what_the_last_days_say(world: World):
    sent(world, 8 * DAY, *[60_000.0] * 50)
    sent(world, 2 * DAY, *[10.0] * 20)
    sent(world, 30 * MINUTE, *[60_000.0] * 10)
    assert set(told(world)) == {"lateness_unusual"}


@pytest.mark.parametrize(("status", "kind"), [(404, "workflow_inactive"), (403, "publisher_refuses_us")])
def test_a_workflow_that_takes_posts_again_is_no_alert_any_more(world: World, status: int, kind: str):
    post = world.due()
    world.publisher.answers(answered(status))
    world.dispatch(post)
    sweep(world.deps)
    assert set(told(world)) == {kind}
    world.at_due(post)
    world.dispatch(post)
    assert told(world) == {}
    assert kept(world) == {kind}
    sweep(world.deps)
    assert kept(world) == set()


def test_a_workflow_that_answers_and_takes_nothing_is_an_alert_still(world: World):
    post = world.due()
    world.publisher.answers(answered(404), answered(500))
    world.dispatch(post)
    world.at_due(post)
    world.dispatch(post)
    assert [tried.http_status for tried in world.attempts(post)] == [404, 500]
    assert set(told(world)) == {"workflow_inactive"}


def test_a_workflow_that_took_a_post_before_it_refused_one_is_an_alert_still(world: World):
    world.in_flight()
    world.clock.advance(seconds=1)
    refused = world.scheduled(world.clock.now())
    world.publisher.answers(answered(404))
    world.dispatch(refused)
    sweep(world.deps)
    assert set(told(world)) == {"workflow_inactive"}


@pytest.mark.parametrize("code", ["quota_exceeded", "unauthorized"])
def test_a_message_that_is_taken_heals_what_the_message_service_refused(world: World, code: str):
    world.messages.refusing = code
    world.scheduled()
    assert set(told(world)) == {f"message_service_{code}"}
    sweep(world.deps)
    assert set(told(world)) == {f"message_service_{code}"}
    world.messages.refusing = None
    world.scheduled()
    assert told(world) == {}


def test_a_batch_of_which_some_are_refused_heals_nothing(world: World):
    world.messages.refusing = "quota_exceeded"
    first, _ = world.scheduled(), world.scheduled()
    world.messages.refusing = None
    world.messages.refused_posts = {first.id}
    world.clock.advance(minutes=1)
    sweep(world.deps)
    assert set(told(world)) == {"message_service_quota_exceeded"}


def test_a_horizon_that_was_corrected_is_no_alert_after_the_next_sweep(world: World):
    world.messages.refusing = "beyond_horizon"
    world.scheduled(START + 5 * DAY)
    world.messages.refusing = None
    world.scheduled()
    assert set(told(world)) == {"message_service_beyond_horizon"}
    world.set(qstash_max_delay_days=3.0)
    world.clock.advance(minutes=1)
    sweep(world.deps)
    assert told(world) == {}


def test_an_account_to_reconnect_is_told_until_it_is_reconnected_or_gone(world: World):
    for heal in (world.connect, lambda: remove(world)):
        post = world.in_flight()
        world.report_failed(post, http_status=401)
        sweep(world.deps)
        found = told(world)["reconnect_required"]
        assert (found["subject"], found["detail"]) == (None, CURES["reconnect_required"])
        heal()
        assert told(world) == {}


def remove(world: World) -> None:
    drafts.remove_account(world.deps, USER, world.account.id)
    with world.db.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(social_accounts)).scalar_one() == 0


def test_a_duplicate_publication_is_told_for_a_week(world: World):
    post = world.published()
    world.report_published(post, "urn:li:share:2")
    at = world.clock.now()
    sweep(world.deps)
    assert set(told(world)) == {"duplicate_publish"}
    world.clock.set(at + 7 * DAY)
    sweep(world.deps)
    assert set(told(world)) == {"duplicate_publish"}
    world.clock.advance(microseconds=1)
    assert told(world) == {}


def test_an_alert_that_is_renewed_while_the_healed_are_removed_stays(world: World):
    post = world.published()
    world.report_published(post, "urn:li:share:2")
    world.clock.advance(days=8)
    with world.db.reading() as connection:
        (seen,) = alerts.current(connection)
    alert(world.deps, seen.kind, seen.subject, "again")
    with world.db.transaction() as tx:
        alerts.clear_unless_renewed(tx, seen)
    assert kept(world) == {"duplicate_publish"}
