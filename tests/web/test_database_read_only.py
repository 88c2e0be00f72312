"""A database that takes no writes: 503 and Retry-After from every writing route, and all works again afterwards."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from tests.web.site import HOUR, NOW, Site, User, json_of, refused, wire_form
from tests.web.test_health import healthz, readyz, sweep

Release = Callable[[], None]


def make_read_only(site: Site) -> Release:
    """Turn all sessions read-only, also those opened until the release. Kept sessions stay so after it."""
    engine = site.services.deps.db.engine
    is_postgresql = engine.dialect.name == "postgresql"
    command = "SET default_transaction_read_only = on" if is_postgresql else "PRAGMA query_only = ON"

    def prepare(connection: Any, _record: Any) -> None:
        if is_postgresql:
            connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(command)
        cursor.close()
        if is_postgresql:
            connection.autocommit = False

    event.listen(engine, "connect", prepare)
    with engine.execution_options(reading=True).connect() as connection:
        connection.exec_driver_sql(command)
    return lambda: event.remove(engine, "connect", prepare)


def writes(site: Site, alice: User, post: dict[str, Any]) -> list[Callable[[], Any]]:
    path, report = f"/api/posts/{post['id']}", {"postId": post["id"], "status": "published"}
    later = {"scheduledAt": wire_form(NOW + 2 * HOUR)}
    return [
        lambda: alice.post("/api/posts", json={"content": "x"}),
        lambda: alice.patch(path, json={"content": "x"}),
        lambda: alice.post(f"{path}/schedule", json=later),
        lambda: alice.post(f"{path}/unschedule"),
        lambda: alice.delete(path),
        lambda: alice.post("/api/social-accounts", json={"externalId": "urn:li:person:x", "accessToken": "x" * 9}),
        lambda: alice.post("/api/companies", json={"name": "Acme"}),
        lambda: site.cron.get("/api/posts/recover"),
        lambda: site.n8n.post("/api/webhooks/claim", json={"postId": post["id"], "attempt": 1}),
        lambda: site.signed("/api/posts/recover", b""),
    ] + [lambda: site.n8n.post("/api/webhooks/publish-status", json=report)] * (post["status"] == "publishing")


@pytest.mark.parametrize("in_flight", [False, True])
def test_every_write_to_a_read_only_database_answers_503_and_works_again(site: Site, alice: User, in_flight: bool):
    alice.account()
    post = site.sent(alice) if in_flight else alice.scheduled(NOW + HOUR)
    for write in writes(site, alice, post):
        release = make_read_only(site)
        answer = write()
        if answer.status_code == 503:
            refused(answer, 503, "database_unavailable")
            assert int(answer.headers["Retry-After"]) > 0
            assert "read" not in answer.get_data(as_text=True)
        else:
            assert answer.status_code == 409  # refused by the post's status, before any write
        release()
        write()  # the first write may still meet a kept read-only connection
        assert write().status_code < 500


def test_delivery_to_a_read_only_database_is_repeated_and_sent_once(site: Site, alice: User):
    alice.account()
    post = alice.scheduled(NOW + HOUR)
    site.clock.at = NOW + HOUR
    release = make_read_only(site)
    refused(site.deliver(post), 503, "database_unavailable")
    release()
    answers = [site.deliver(post) for _ in range(2)]
    assert json_of(answers[-1])["status"] in ("dispatched", "ignored")
    assert alice.read(post["id"])["attempt"] == 1


def test_health_tells_of_a_read_only_database_and_heals_kept_connections(site: Site):
    sweep(site)
    release = make_read_only(site)
    assert healthz(site) == "read_only"
    assert readyz(site)[0] == 503
    assert readyz(site)[1]["database"] == "read_only"
    release()
    assert healthz(site) in ("read_only", "ok")  # the first check may meet a kept connection, and replaces it
    assert healthz(site) == "ok"
    assert readyz(site)[0] == 200


def test_reads_go_on_while_the_database_is_read_only(site: Site, alice: User):
    alice.account()
    post = alice.scheduled(NOW + HOUR)
    release = make_read_only(site)
    assert alice.read(post["id"])["status"] == "scheduled"
    assert json.loads(site.anonymous.get("/api/scheduler/status").get_data())["database"] == "ok"
    release()
