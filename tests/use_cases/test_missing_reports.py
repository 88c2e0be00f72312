"""Reports that do not reach us: an alert with its cure, and no retries until one arrives."""

from typing import Any

import pytest

from app.delivery.leases import end_lease_by_alarm
from app.domain.alerts import MIN_MISSING_REPORTS
from app.domain.delivery import Dispatched
from app.domain.post import Post
from app.operations.status import scheduler_status
from app.sweep.sweep import sweep
from tests.support.databases import record_statements
from tests.support.fakes import unknown
from tests.support.world import IN_TEN_MINUTES, World

MANY = MIN_MISSING_REPORTS + 3
HELD = Dispatched("failed", "outcome_unknown")


def alerts(world: World) -> dict[str, str]:
    return {alert["kind"]: alert["detail"] for alert in scheduler_status(world.deps)["alerts"]}


def accepted(world: World, count: int, **values: object) -> list[Post]:
    """Return posts accepted by n8n at one instant, past their leases."""
    posts = [world.scheduled(max(IN_TEN_MINUTES, world.clock.now()), **values) for _ in range(count)]
    world.at_due(posts[0])
    for post in posts:
        assert world.dispatch(post) == Dispatched("dispatched")
    world.after_lease(posts[-1])
    return posts


def end(world: World, post: Post) -> Dispatched:
    return end_lease_by_alarm(world.deps, post.id, post.generation, None)


def test_retries_stop_once_several_posts_are_unreported(world: World):
    posts = accepted(world, MANY)
    results = [end(world, post) for post in posts]
    assert results == [Dispatched("dispatched")] * (MIN_MISSING_REPORTS - 1) + [HELD] * (MANY + 1 - MIN_MISSING_REPORTS)
    cure = alerts(world)["reports_missing"]
    assert all(name in cure for name in ("callbackUrl", "N8N_CALLBACK_SECRET", "PUBLIC_BASE_URL"))
    assert world.read(posts[-1]).error_code == "outcome_unknown"


def test_sweep_holds_them_too(world: World):
    accepted(world, MANY)
    assert sweep(world.deps).held == MANY + 1 - MIN_MISSING_REPORTS
    assert "reports_missing" in alerts(world)


def test_few_unreported_posts_are_retried_without_an_alert(world: World):
    for post in accepted(world, MIN_MISSING_REPORTS - 1):
        assert end(world, post) == Dispatched("dispatched")
    assert "reports_missing" not in alerts(world)


@pytest.mark.parametrize("platform", ["facebook", "instagram"])
def test_unreported_posts_of_other_platforms_raise_the_alert(world: World, platform: str):
    for post in accepted(world, MIN_MISSING_REPORTS, platform=platform):
        assert end(world, post) == HELD
    assert "reports_missing" in alerts(world)


REPORTS: dict[str, dict[str, Any]] = {
    "published": {},
    "rejected": {"http_status": 400, "error_code": "DUPLICATE_NOT"},
    "reconnect": {"http_status": 401},
    "busy": {"http_status": 429},
    "unknown": {"http_status": 500, "error": "timed out"},
    "unknown without a text": {},
}


@pytest.mark.parametrize("kind", REPORTS)
def test_first_report_ends_the_alert_and_retries_go_on(world: World, kind: str):
    *posts, last = accepted(world, MANY)
    for post in posts:
        end(world, post)
    assert "reports_missing" in alerts(world)
    reported = posts[-1]
    if kind == "published":
        world.report_published(reported, attempt=1)
    else:
        world.report_failed(reported, attempt=1, **REPORTS[kind])
    assert "reports_missing" not in alerts(world)
    assert end(world, last) == Dispatched("dispatched")


def test_report_of_another_post_meanwhile_keeps_the_retries(world: World):
    posts = accepted(world, MANY)
    world.report_published(posts[0])
    assert [end(world, post) for post in posts[1:]] == [Dispatched("dispatched")] * (MANY - 1)
    assert "reports_missing" not in alerts(world)


def test_report_from_before_the_unreported_sends_proves_nothing(world: World):
    world.published()
    world.clock.advance(minutes=1)
    posts = accepted(world, MIN_MISSING_REPORTS + 1)
    assert [end(world, post) for post in posts][-1] == HELD


def test_alert_ends_after_an_hour(world: World):
    for post in accepted(world, MIN_MISSING_REPORTS, platform="facebook"):
        end(world, post)
    world.clock.advance(minutes=59)
    assert "reports_missing" in alerts(world)
    world.clock.advance(minutes=2)
    assert "reports_missing" not in alerts(world)


def test_attempts_that_n8n_did_not_accept_are_no_missing_reports(world: World):
    world.publisher.default_reply = unknown()
    posts = [world.scheduled(platform="linkedin") for _ in range(MIN_MISSING_REPORTS)]
    world.at_due(posts[0])
    for post in posts:
        world.dispatch(post)
    world.after_lease(posts[-1])
    assert HELD not in [end(world, post) for post in posts]
    assert "reports_missing" not in alerts(world)


def test_policy_retry_goes_on_without_reports(world: World):
    world.set(unknown_outcome_policy="retry")
    assert HELD not in [end(world, post) for post in accepted(world, MANY)]


def test_end_of_a_lease_takes_two_more_reads_at_most(postgres_world: World):
    posts = accepted(postgres_world, MANY)
    for post in posts[:-1]:
        end(postgres_world, post)
    with record_statements(postgres_world.db.engine, "SELECT") as reads:
        end(postgres_world, posts[-1])
    assert len(reads) <= 4
