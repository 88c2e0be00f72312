"""The causes of events: outcomes, accounts at risk, held posts, bulk calls. None for a transaction rolled back."""

from __future__ import annotations

import ast
import itertools
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.domain.events import OF_SCHEDULED, EventType, event_of
from app.domain.lifecycle import ALLOWED, Status
from app.store.posts import transitions
from app.store.posts.queries import post_by_id
from tests.adapters.servers import HttpServer, says
from tests.web.hooks import endpoint
from tests.web.site import HOUR, Site, User, json_of, wire_form

ALL_EVENTS = [event.value for event in EventType if event is not EventType.ALERT_RAISED]
APP = Path(__file__).parents[2] / "app"


@pytest.fixture
def ada(site: Site) -> User:
    user = site.user("ada")
    endpoint(user, "https://hooks.example.com/", ALL_EVENTS)
    return user


def caused(site: Site) -> list[str]:
    return [row[0] for row in site.rows("SELECT type FROM webhook_events ORDER BY type")]


def report(site: Site, post: dict[str, Any], **fields: Any) -> None:
    json_of(site.n8n.post("/api/webhooks/publish-status", json={"postId": post["id"], **fields}))


def test_failed_post_is_an_event_with_its_code(site: Site, ada: User):
    post = site.sent(ada)
    report(site, post, status="failed", errorMessage="no", httpStatus=400, retryable=False)
    assert caused(site) == ["post.failed", "post.scheduled"]


def test_unknown_outcome_is_an_event_at_once_and_when_the_post_is_held(site: Site, n8n: HttpServer, ada: User):
    n8n.answer = says(504, {})
    post = ada.scheduled(site.clock.at + HOUR, platform="facebook", content="Hello")
    site.clock.at += HOUR
    site.deliver(post)
    assert caused(site) == ["post.outcome_unknown", "post.scheduled"]
    site.clock.at += HOUR
    json_of(site.cron.get("/api/posts/recover"))
    assert ada.read(post["id"])["errorCode"] == "outcome_unknown"
    assert caused(site) == ["post.outcome_unknown", "post.outcome_unknown", "post.scheduled"]


def test_disconnected_account_is_an_event_and_its_other_posts_are_at_risk(site: Site, ada: User):
    post = site.sent(ada)
    other = ada.draft(content="Another")
    ada.schedule(other["id"], site.clock.at + HOUR)
    report(site, post, status="failed", errorMessage="x", httpStatus=401, errorCode="REVOKED_ACCESS_TOKEN")
    assert caused(site) == [
        "account.reconnect_required",
        "post.at_risk",
        "post.failed",
        "post.scheduled",
        "post.scheduled",
    ]


def test_post_tried_again_by_a_disconnected_account_is_at_risk(site: Site, ada: User):
    """The report names no attempt, so the second one is unknown, and LinkedIn's guard allows a third."""
    post = site.sent(ada)
    report(site, post, status="failed", errorMessage="busy", httpStatus=429, attempt=1)
    site.clock.at = datetime.fromisoformat(ada.read(post["id"])["nextAttemptAt"])
    site.deliver(ada.read(post["id"]))
    assert ada.read(post["id"])["attempt"] == 2
    report(site, post, status="failed", errorMessage="x", httpStatus=401)
    assert ada.read(post["id"])["status"] == "scheduled"
    assert {"account.reconnect_required", "post.at_risk"} <= set(caused(site))


def test_posts_of_a_bulk_call_are_events(site: Site, ada: User):
    ada.account()
    rows = [{"content": f"Text {n}", "scheduledAt": wire_form(site.clock.at + HOUR)} for n in range(3)]
    body = {"operations": [{"op": "create", **row} for row in rows]}
    answer = ada.post("/api/posts/bulk", json=body)
    assert answer.status_code in (200, 201), answer.get_data(as_text=True)
    assert caused(site) == ["post.scheduled"] * 3


def test_transaction_rolled_back_leaves_no_event(site: Site, ada: User):
    post = ada.scheduled(site.clock.at + HOUR)
    deps = site.services.deps
    deps.db.has_new_events.clear()

    def unschedule_and_fail() -> None:
        with deps.db.transaction() as tx:
            found = post_by_id(tx, post["id"])
            assert found is not None
            assert transitions.unschedule(tx, found, now=site.clock.at, actor="user:ada") is not None
            raise RuntimeError

    with pytest.raises(RuntimeError):
        unschedule_and_fail()
    assert caused(site) == ["post.scheduled"]
    assert not deps.db.has_new_events.is_set()


def test_every_reason_of_a_transition_to_scheduled_is_an_event_or_explicitly_none():
    """Deferrals give a code as the reason. They never are an event, so an unknown reason must be one of theirs."""
    found = set()
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(getattr(node, "func", None), "attr", "")
            if isinstance(node, ast.Call) and name in ("retry", "defer", "retry_by_hand", "schedule"):
                found |= {
                    k.value.value for k in node.keywords if k.arg == "reason" and isinstance(k.value, ast.Constant)
                }
    assert {"lease_over_unsent", "set_aside", "clock_corrected"} <= found
    assert found <= set(OF_SCHEDULED)


def test_every_transition_but_the_claim_and_deferrals_has_one_event():
    none = {(before, to) for before, to in itertools.product(Status, Status) if to in ALLOWED[before]}
    none = {(before, to) for before, to in none if event_of(before, to, "scheduled") is None}
    assert {to for _, to in none} <= {Status.PUBLISHING, Status.CANCELLED}
    assert (Status.SCHEDULED, Status.CANCELLED) not in none
