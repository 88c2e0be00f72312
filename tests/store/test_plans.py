"""Query plans: PostgreSQL answers frequent queries by an index on a table of ten thousand posts."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.operations import figures
from app.operations.service_states import services
from app.store.operations import attempt_totals
from app.sweep.sweep import sweep
from tests.bench.app_under_test import deps_for
from tests.bench.generated_posts import AUTHOR, OVERDUE, UNARMED, change, engine_for, execute, fill
from tests.bench.interleaved import explain_dispatch, explain_routes
from tests.bench.query_plans import Plan, capture_statements, explain
from tests.support.databases import PostgresDatabases

POSTS = 10_000
LISTS = {
    "first page": "ix_posts_list",
    "a middle page": "ix_posts_list",
    "status=published": "ix_posts_list",
    "status=scheduled": "ix_posts_list_status",
    "status=failed": "ix_posts_list_status",
    "platform": "ix_posts_list",
    "company": "ix_posts_company",
    "client": "ix_posts_client",
    "from and to": "ix_posts_promise",
    "from, to, status": "ix_posts_promise",
    "by scheduledAt": "ix_posts_promise",
    "by updatedAt": "ix_posts_changed",
    "updatedSince": "ix_posts_changed",
    "company by updatedAt": "ix_posts_company_changed",
    "company by scheduledAt": "ix_posts_company_time",
    "two statuses": "ix_posts_list_status",
    "needs attention": "ix_posts_list_status",
}


@pytest.fixture(scope="module")
def large(postgresql_databases: PostgresDatabases) -> Iterator[str]:
    with postgresql_databases.migrated() as url:
        fill(url, POSTS)
        deps = deps_for(url)
        sweep(deps)  # a sweep counts the final posts once
        deps.db.close()
        yield url


def scans(plans: list[Plan]) -> list[str]:
    return [plan.title for plan in plans if plan.scanned]


def indexes(plans: list[Plan]) -> set[str]:
    return {index for plan in plans for index in plan.indexes}


def test_every_list_is_read_along_its_own_index(large: str):
    plans = explain_routes(large, AUTHOR)
    assert {name: scans(found) for name, found in plans.items() if scans(found)} == {}
    for name, index in LISTS.items():
        assert index in indexes(plans[f"list, {name}"]), name


def test_status_route_counts_along_indexes(large: str):
    plans = explain_routes(large, AUTHOR)["status route"]
    assert scans(plans) == []
    assert {"ix_posts_due", "ix_posts_lease", "ix_posts_unarmed", "ix_posts_resting"} <= indexes(plans)


def test_lateness_of_the_last_hour_is_read_from_its_index_alone(large: str):
    execute(large, "VACUUM ANALYZE")
    index = "ix_attempts_started_at"
    times, figures = sorted(
        (plan for plan in explain_routes(large, AUTHOR)["status route"] if index in plan.indexes),
        key=lambda plan: len(plan.indexes),
    )
    assert index in figures.index_only
    assert index not in times.index_only  # n8n's times are in the rows


def test_dispatch_finds_its_row_by_the_primary_key_with_few_publishing(large: str):
    assert indexes(explain_dispatch(large)) == {"pk_posts", "pk_attempts"}


@pytest.mark.parametrize(
    ("statement", "index", "days"),
    [(OVERDUE, "ix_posts_due", 300.0), (UNARMED, "ix_posts_unarmed", 250.0)],
    ids=["overdue", "unarmed"],
)
def test_sweep_pages_along_an_index_and_arms_by_the_primary_key(large: str, statement: str, index: str, days: float):
    change(large, statement)
    deps = deps_for(large, retention_days=days)
    with capture_statements(deps.db.engine, keep=True) as sent:
        swept = sweep(deps)
    plans = explain(deps.db.engine, sent)
    deps.db.close()
    assert max(swept.recovered, swept.armed) >= POSTS // 10 - 1  # all but the post dispatched by another test
    assert swept.pruned > 0
    assert scans(plans) == []
    assert index in indexes(plans)
    updates = [plan for plan in plans if "UPDATE posts" in plan.statement]
    assert indexes(updates) == {"pk_posts"}


def test_scan_of_a_query_without_index_is_detected(large: str):
    engine = engine_for(large)
    with capture_statements(engine, keep=True) as sent, engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM posts WHERE content = 'x'")
    assert [plan.scanned for plan in explain(engine, sent)] == [("posts",)]


def test_operators_figures_are_read_along_indexes(large: str):
    deps = deps_for(large)
    figures_of = (
        lambda: figures.lateness(deps, "30d"),
        lambda: figures.attempts(deps, "30d"),
        lambda: figures.sweeps(deps),
        lambda: services(deps),
    )
    plans: list[Plan] = []
    for call in figures_of:
        with capture_statements(deps.db.engine, keep=True) as sent:
            call()
        plans += explain(deps.db.engine, sent)
    deps.db.close()
    assert [title for title in scans(plans) if "sweep_runs" not in title] == []
    assert {"ix_attempts_started_at", "ix_attempts_late", "ix_posts_due"} <= indexes(plans)


def test_scrape_reads_the_latest_attempts_along_their_index(large: str):
    deps = deps_for(large)
    now = deps.clock.now()
    attempt_totals.advance(deps.db, now, timedelta(minutes=30))
    with capture_statements(deps.db.engine, keep=True) as sent:
        attempt_totals.advance(deps.db, now, timedelta(minutes=30))
    plans = explain(deps.db.engine, sent)
    deps.db.close()
    assert scans(plans) == []
    assert "ix_attempts_started_at" in indexes(plans)
