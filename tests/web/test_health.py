"""`/healthz` and `/readyz`: the process, the database, the migrations and the sweep, within a bounded time."""

import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from app.deps import Deps
from app.operations import health
from app.store.health import newest_migration
from app.store.migrate import configuration
from tests.web.conftest import MakeSite
from tests.web.site import Site, json_of

READY = {"status": "ok", "database": "ok", "migrations": "ok", "sweep": "ok"}


def healthz(site: Site) -> str:
    body = json_of(site.anonymous.get("/healthz"))
    assert body["status"] == "ok"
    return str(body["database"])


def test_flood_of_probes_repeats_the_last_check_and_refuses_none(small_site: Site, monkeypatch: pytest.MonkeyPatch):
    at, checks = [1000.0], list[Deps]()
    monkeypatch.setattr("app.operations.health.time", SimpleNamespace(monotonic=lambda: at[0]))
    check = health._check

    def counted(deps: Deps) -> health.Health:
        checks.append(deps)
        return check(deps)

    monkeypatch.setattr(health, "_check", counted)
    assert {small_site.anonymous.get("/readyz").status_code for _ in range(50)} == {503}
    assert len(checks) == health.CHECKS_PER_SECOND
    sweep(small_site)
    assert readyz(small_site)[0] == 503
    at[0] += 1
    assert readyz(small_site) == (200, READY)


def readyz(site: Site) -> tuple[int, dict[str, Any]]:
    answer = site.anonymous.get("/readyz")
    return answer.status_code, answer.get_json()


def sweep(site: Site) -> None:
    assert site.cron.get("/api/posts/recover").status_code == 200


def run(site: Site, statement: str) -> None:
    with site.services.deps.db.transaction() as tx:
        tx.execute(sa.text(statement))


@pytest.fixture
def hanging_url() -> Iterator[str]:
    """The URL of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"postgresql://punctual@127.0.0.1:{listener.getsockname()[1]}/punctual?connect_timeout=3"


def test_ready_after_a_sweep_and_no_more_once_it_is_late(site: Site):
    assert readyz(site) == (503, READY | {"status": "unavailable", "sweep": "never"})
    sweep(site)
    assert readyz(site) == (200, READY)
    site.clock.at += timedelta(minutes=15)
    assert readyz(site) == (200, READY)
    site.clock.at += timedelta(seconds=1)
    assert readyz(site) == (503, READY | {"status": "unavailable", "sweep": "late"})
    assert healthz(site) == "ok"


@pytest.mark.parametrize("kind", ["unmigrated", "older"])
def test_database_behind_the_code_is_not_migrated(site: Site, kind: str):
    sweep(site)
    change = "DROP TABLE alembic_version" if kind == "unmigrated" else "UPDATE alembic_version SET version_num = '0001'"
    run(site, change)
    assert healthz(site) == "not_migrated"
    expected = {"status": "unavailable", "database": "not_migrated", "migrations": "pending", "sweep": "unknown"}
    assert readyz(site) == (503, expected)


def test_database_ahead_of_the_code_is_ready(site: Site):
    sweep(site)
    run(site, "UPDATE alembic_version SET version_num = '9999'")
    assert readyz(site) == (200, READY)


def test_newest_migration_is_alembics_head(tmp_path: Path):
    scripts = ScriptDirectory.from_config(configuration(f"sqlite:///{tmp_path}/x.sqlite3"))
    assert newest_migration() == scripts.get_current_head()


def test_unreachable_database_is_alive_and_not_ready(make_site: MakeSite, tmp_path: Path):
    site = make_site(f"sqlite:///{tmp_path}")
    assert healthz(site) == "unreachable"
    expected = {"status": "unavailable", "database": "unreachable", "migrations": "unknown", "sweep": "unknown"}
    assert readyz(site) == (503, expected)


def test_hanging_database_is_answered_within_the_bound_by_one_check(
    make_site: MakeSite, hanging_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(health, "HEALTH_SECONDS", 0.2)
    site = make_site(hanging_url)
    started = time.monotonic()
    assert [healthz(site) for _ in range(3)] == ["unreachable"] * 3
    assert readyz(site)[0] == 503
    assert time.monotonic() - started < 2.5


def test_health_routes_ignore_parameters_and_show_no_database_text(site: Site):
    for path in ("/healthz?x=1", "/readyz?x=1&x=2"):
        text = site.anonymous.get(path).get_data(as_text=True)
        assert "sqlite" not in text
        assert "postgres" not in text
