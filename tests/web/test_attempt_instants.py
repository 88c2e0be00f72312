"""The instants of an attempt in the timeline: waking, send, acceptance, report. And the lateness of its alarm."""

import datetime as dt
import json
from typing import Any

import pytest

from app.store.posts.alarm_lateness import latest_alarms
from tests.web.site import HOUR, NOW, SECOND, MessageServer, Site, User, json_of, wire_form

DUE = NOW + HOUR


def deliver(site: Site, post: dict[str, Any], retried: str = "0", **changes: Any) -> Any:
    message = {"postId": post["id"], "userId": "alice", "generation": post["generation"], **changes}
    return json_of(site.signed("/api/posts/dispatch", json.dumps(message).encode(), {"Upstash-Retried": retried}))


def report(site: Site, post: dict[str, Any], **fields: Any) -> None:
    json_of(site.n8n.post("/api/webhooks/publish-status", json={"postId": post["id"], **fields}))


def late_ms(site: Site) -> list[float]:
    with site.services.deps.db.reading() as connection:
        return latest_alarms(connection)


def seconds(instant: dt.datetime) -> int:
    return int(instant.timestamp())


def test_timeline_says_when_an_attempt_was_woken_accepted_and_reported(site: Site, alice: User):
    post = alice.scheduled()
    site.clock.at = DUE - SECOND / 2
    assert deliver(site, post, notBefore=seconds(DUE) - 1) == {"status": "dispatched"}
    sent = site.clock.at
    [attempt] = alice.timeline(post["id"])["attempts"]
    assert attempt["wokenAt"] == wire_form(DUE - SECOND / 2)
    assert (attempt["sentAt"], attempt["acceptedAt"], attempt["reportedAt"]) == (wire_form(sent), wire_form(sent), None)
    site.clock.at += 3 * SECOND
    report(site, post, status="published", linkedinPostUrn="urn:li:share:1")
    [attempt] = alice.timeline(post["id"])["attempts"]
    assert attempt["reportedAt"] == wire_form(sent + 3 * SECOND)
    site.clock.at += 3 * SECOND
    report(site, post, status="published", linkedinPostUrn="urn:li:share:1")  # a replay keeps the first instant
    [attempt] = alice.timeline(post["id"])["attempts"]
    assert attempt["reportedAt"] == wire_form(sent + 3 * SECOND)
    assert late_ms(site) == [500.0]


def test_failed_report_is_dated_and_a_refused_send_was_not_accepted(site: Site, alice: User):
    post = site.sent(alice)
    site.clock.at += 2 * SECOND
    report(site, post, status="failed", httpStatus=429, retryable=True)
    [attempt] = alice.timeline(post["id"])["attempts"]
    assert attempt["reportedAt"] == attempt["finishedAt"] == wire_form(DUE + 2 * SECOND)


def test_published_lateness_is_measured_at_the_urns_own_instant(site: Site, alice: User):
    post = site.sent(alice)
    created = DUE + SECOND * 1.25
    site.clock.at = DUE + 9 * SECOND
    report(site, post, status="published", linkedinPostUrn=f"urn:li:share:{int(created.timestamp() * 1000) << 22}")
    after = alice.read(post["id"])
    assert (after["publishedAt"], after["publishedLatenessMs"]) == (wire_form(created), 1250.0)
    assert after["latenessMs"] == 0.0


@pytest.mark.parametrize("offset", [-3600.0, -1.0, 9.5, 3600.0])
def test_published_lateness_is_the_reports_where_the_urn_was_made_outside_the_send(
    site: Site, alice: User, offset: float
):
    post = site.sent(alice)
    created = DUE + SECOND * offset
    site.clock.at = DUE + 9 * SECOND
    report(site, post, status="published", linkedinPostUrn=f"urn:li:share:{int(created.timestamp() * 1000) << 22}")
    assert alice.read(post["id"])["publishedLatenessMs"] == 9000.0


@pytest.mark.parametrize(("arrival", "late"), [(-2.0, 0.0), (0.25, 250.0), (7.0, 7000.0)])
def test_lateness_of_an_alarm_counts_from_its_own_second(small_site: Site, arrival: float, late: float):
    post = small_site.user("alice").scheduled()
    small_site.clock.at = DUE - SECOND + SECOND * arrival
    assert deliver(small_site, post, notBefore=seconds(DUE) - 1) == {"status": "dispatched"}
    assert late_ms(small_site) == [late]


@pytest.mark.parametrize(
    ("retried", "not_before"),
    [("1", NOW.timestamp()), ("x", NOW.timestamp()), ("0", None), ("0", "1"), ("0", -1), ("0", True), ("0", 10**30)],
)
def test_another_delivery_and_a_message_without_its_second_are_not_measured(
    small_site: Site, retried: str, not_before: Any
):
    post = small_site.user("alice").scheduled()
    small_site.clock.at = DUE
    value = int(not_before) if isinstance(not_before, float) else not_before
    assert deliver(small_site, post, retried, notBefore=value) == {"status": "dispatched"}
    assert late_ms(small_site) == []


@pytest.mark.parametrize(("ahead", "measured"), [(1, []), (0, [500.0]), (-1, [500.0])])
def test_message_armed_after_its_own_second_is_not_measured(small_site: Site, ahead: int, measured: list[float]):
    """Its delay is the lead itself. Counted, many of "publish now" would raise an automatic lead to its bound."""
    post, second = small_site.user("alice").scheduled(), seconds(DUE) - 1
    small_site.clock.at = DUE - SECOND / 2
    assert deliver(small_site, post, notBefore=second, armedAt=(second + ahead) * 1000) == {"status": "dispatched"}
    assert late_ms(small_site) == measured


def test_messages_carry_the_second_that_they_are_armed_for(site: Site, alice: User, qstash: MessageServer):
    alice.scheduled()
    [message] = qstash.published
    assert json.loads(message.body)["notBefore"] == int(message.headers["upstash-not-before"])
