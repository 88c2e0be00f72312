"""The metrics: their proof, their figures from real posts, and counters that never fall."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from app.pause import pause, resume
from tests.adapters.servers import HttpServer
from tests.support.scrapes import Scrape, scrape
from tests.web.answers import SECRETS
from tests.web.conftest import MakeSite
from tests.web.site import HOUR, MINUTE, NOW, Caller, MessageServer, Site, User, json_of, refused

LINKEDIN = {"platform": "linkedin", "publisher": "n8n"}


@pytest.mark.parametrize("header", ["", "Bearer wrong", SECRETS["metrics_secret"], f"Bearer {SECRETS['cron_secret']}"])
def test_metrics_need_their_own_secret(small_site: Site, header: str):
    refused(Caller(small_site.client, {"Authorization": header}).get("/metrics"), 401, "unauthorized")
    refused(small_site.user("root", admin=True).get("/metrics"), 401, "unauthorized")


def test_metrics_without_a_secret_are_closed(sqlite_url: str, make_site: MakeSite):
    site = make_site(sqlite_url, metrics_secret=None)
    refused(site.anonymous.get("/metrics"), 503, "not_configured")
    assert site.services.deps.call_counts is None


def due(site: Site, user: User) -> dict[str, Any]:
    """Schedule a post for an hour from now, and set the clock to its instant."""
    at = site.clock.at + HOUR
    post = user.scheduled(at)
    site.clock.at = at
    return user.read(post["id"])


def report(site: Site, post: dict[str, Any], **values: Any) -> None:
    answer = site.n8n.post("/api/webhooks/publish-status", json={"postId": post["id"], **values})
    assert json_of(answer)["applied"] is True


def test_a_post_from_schedule_to_report_is_in_the_figures(site: Site, alice: User):
    scrape(site)
    waiting = alice.scheduled()
    before = scrape(site)
    assert before.of("punctual_posts", status="scheduled") == 1
    assert before.of("punctual_qstash_messages_total", result="ok") == 1
    site.clock.at = NOW + HOUR + timedelta(milliseconds=300)
    assert json_of(site.deliver(alice.read(waiting["id"])))["status"] == "dispatched"
    sent = scrape(site)
    assert sent.of("punctual_posts", status="publishing") == 1
    assert sent.of("punctual_lateness_seconds_bucket", le="0.25", **LINKEDIN) == 0
    assert sent.of("punctual_lateness_seconds_bucket", le="0.5", **LINKEDIN) == 1
    assert sent.of("punctual_lateness_seconds_count", **LINKEDIN) == 1
    assert sent.of("punctual_lateness_seconds_sum", **LINKEDIN) == pytest.approx(0.3)
    assert sent.of("punctual_attempts_accepted_total", **LINKEDIN) == 1
    assert sent.of("punctual_publisher_answer_seconds_count", **LINKEDIN) == 1
    assert sent.of("punctual_alarm_ahead_seconds_bucket", le="0.0", **LINKEDIN) == 1
    site.clock.at += timedelta(seconds=7)
    report(site, waiting, status="published", linkedinPostUrn="urn:li:share:7")
    done = scrape(site)
    assert done.of("punctual_attempts_total", outcome="published", **LINKEDIN) == 1
    assert done.of("punctual_report_seconds_bucket", le="5.0", **LINKEDIN) == 0
    assert done.of("punctual_report_seconds_bucket", le="10.0", **LINKEDIN) == 1
    assert done.of("punctual_posts", status="published") == 1


def counters(seen: Scrape) -> dict[Any, float]:
    kinds = ("counter", "histogram")
    shared = {key: value for key, value in seen.samples.items() if seen.types[key[0]] in kinds}
    return {key: value for key, value in shared.items() if not key[0].startswith("punctual_process_")}


def test_counters_never_fall_when_outcomes_change_and_posts_are_deleted(site: Site, alice: User, qstash: MessageServer):
    seen = [scrape(site)]
    posts = []
    for number in range(3):
        posts.append(due(site, alice))
        site.deliver(posts[-1])
        seen.append(scrape(site))
        failed = {"status": "failed", "httpStatus": 500, "error": "no"}
        report(site, posts[-1], **(failed if number else {"status": "published", "linkedinPostUrn": "urn:li:share:1"}))
        seen.append(scrape(site))
    unknown = seen[-1].of("punctual_attempts_total", outcome="unknown")
    report(site, posts[-1], status="published", linkedinPostUrn="urn:li:share:2")  # late truth
    seen.append(scrape(site))
    assert unknown == seen[-1].of("punctual_attempts_total", outcome="unknown") == 2
    with site.services.deps.db.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM posts")
    for after in (timedelta(0), MINUTE, timedelta(days=2)):
        site.clock.at += after
        seen.append(scrape(site))
    for earlier, later in itertools.pairwise(seen):
        assert {key for key, value in counters(earlier).items() if later.samples[key] < value} == set()
    assert seen[-1].of("punctual_attempts_accepted_total", **LINKEDIN) == 3
    again = due(site, site.user("alice"))
    site.deliver(again)
    assert scrape(site).of("punctual_attempts_accepted_total", **LINKEDIN) == 4


def test_counters_are_the_same_from_every_process(database_url: str, make_site: MakeSite):
    one, other = make_site(database_url), make_site(database_url)
    assert scrape(one)["punctual_attempts_accepted_total"] == 0
    alice = one.user("alice")
    post = due(one, alice)
    one.deliver(post)
    kinds = ("punctual_attempts_accepted_total", "punctual_qstash_messages_total", "punctual_lateness_seconds_count")
    assert [scrape(one)[kind] for kind in kinds] == [scrape(other)[kind] for kind in kinds]
    assert scrape(other)["punctual_attempts_accepted_total"] == 1


def test_refusals_of_qstash_are_counted_by_their_code(site: Site, alice: User, qstash: MessageServer):
    qstash.down = True
    assert alice.scheduled()["armed"] is False
    seen = scrape(site)
    assert seen.of("punctual_qstash_messages_total", result="ok") == 0
    assert seen["punctual_qstash_messages_total"] == 1
    assert seen["punctual_posts_unarmed"] == 1


def test_a_sweep_and_an_alert_are_in_the_figures(site: Site, alice: User):
    post = due(site, alice)
    site.clock.at += 20 * MINUTE
    before = scrape(site)
    assert before["punctual_posts_overdue"] == 1
    assert before["punctual_posts_oldest_overdue_seconds"] == 20 * 60
    assert before.of("punctual_alert", kind="posts_overdue") == 1
    assert json_of(site.cron.get("/api/posts/recover"))["recovered"] == 1
    after = scrape(site)
    assert after["punctual_sweeps_total"] == 1
    assert after["punctual_sweep_posts_sent_total"] == 1
    assert after["punctual_sweep_last_run_timestamp_seconds"] == site.clock.at.timestamp()
    assert after.of("punctual_alert", kind="posts_overdue") == 0
    assert alice.read(post["id"])["status"] == "publishing"


def test_two_n8n_have_figures_of_their_own(sqlite_url: str, make_site: MakeSite, n8n: HttpServer):
    urls = f"{n8n.url}/webhook/publish,{n8n.url}/webhook/second"
    site = make_site(sqlite_url, n8n_webhook_url=urls)
    seen = scrape(site)
    publishers = {dict(labels)["publisher"] for name, labels in seen.samples if name == "punctual_breaker_open"}
    assert len(publishers) == 2
    for publisher in publishers:
        assert seen.of("punctual_lateness_seconds_count", publisher=publisher) == 0


def test_a_scrape_without_a_database_says_so_and_shows_the_process(make_site: MakeSite):
    seen = scrape(make_site("postgresql://nobody@127.0.0.1:1/nothing"))
    names = {name for name, _ in seen.samples}
    assert seen.of("punctual_ready", part="database") == 0
    assert {"punctual_waiting_deliveries", "punctual_process_resident_memory_bytes"} <= names
    assert not {"punctual_posts", "punctual_attempts_total"} & names


def test_the_first_scrape_counts_nothing_from_before_it(site: Site, alice: User):
    site.deliver(due(site, alice))
    assert scrape(site)["punctual_attempts_accepted_total"] == 0
    site.deliver(due(site, alice))
    assert scrape(site)["punctual_attempts_accepted_total"] == 1


def test_gauge_of_a_pause_is_1_until_sending_goes_on(site: Site):
    assert scrape(site).of("punctual_sending_paused") == 0
    pause(site.services.deps, "stop")
    assert scrape(site).of("punctual_sending_paused") == 1
    resume(site.services.deps)
    assert scrape(site).of("punctual_sending_paused") == 0
