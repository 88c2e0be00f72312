"""An operator's slip that keeps every send from n8n: posts wait with an alert, and go out once it is mended."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.delivery import Dispatched
from app.domain.ports import Reply
from app.sweep.sweep import sweep
from tests.support.fakes import START, answered, not_sent
from tests.support.linkedin import failure
from tests.support.oauth_world import OAuthWorld
from tests.support.world import IN_TEN_MINUTES, World

REFUSES, INACTIVE, ADDRESS = "publisher_refuses_us", "workflow_inactive", "publisher_address_wrong"
SLIPS = {
    **{str(status): (answered(status), REFUSES, REFUSES) for status in (401, 402, 403, 407, 511)},
    **{str(status): (answered(status), INACTIVE, INACTIVE) for status in (301, 302, 308, 404, 405, 410, 421, 426)},
    "DNS or TLS": (replace(not_sent("gaierror"), misconfigured=True), "publisher_unreachable", ADDRESS),
}
MOST = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def breaker_never_opens(world: World) -> None:
    world.set(breaker_threshold=1_000)


@pytest.mark.parametrize("slip", SLIPS)
def test_slip_holds_the_post_with_an_alert_and_spends_no_retry(world: World, slip: str):
    reply, code, alert = SLIPS[slip]
    post = world.due()
    world.publisher.default_reply = reply
    assert world.dispatch(post) == Dispatched("retry_scheduled", code)
    after = world.read(post)
    assert (after.status, after.retry_count, after.error_code, after.armed) == ("scheduled", 0, code, True)
    assert world.alerts() == {alert: "n8n"}


@pytest.mark.parametrize(("slip", "retries"), [("401", 0), ("404", 3), ("302", 3), ("407", 3), ("DNS or TLS", 0)])
def test_slip_of_an_hour_holds_the_post_until_mended(world: World, slip: str, retries: int):
    world.set(max_retries=retries)
    post = world.due()
    world.overwrite(post, retry_count=retries)
    world.publisher.default_reply = SLIPS[slip][0]
    waits = []
    while world.clock.now() < IN_TEN_MINUTES + timedelta(hours=1):
        assert world.dispatch(post).status == "retry_scheduled"
        waits.append(timedelta(seconds=world.seconds_until_due(post)))
        world.at_due(post)
    assert waits[0] < timedelta(minutes=1) < waits[-1]
    assert waits == sorted(waits)
    assert max(waits) <= MOST
    world.publisher.default_reply = answered(200)
    assert world.dispatch(post) == Dispatched("dispatched")
    world.clock.advance(seconds=1)
    sweep(world.deps)
    assert SLIPS[slip][2] not in world.alerts()
    assert world.read(post).retry_count == retries


@pytest.mark.parametrize("seconds", [3, 200, 86_400])
def test_wait_after_a_slip_is_at_most_five_minutes(world: World, seconds: int):
    world.with_deps(random=lambda: 0.999)
    post = world.due()
    world.publisher.answers(answered(403, retry_after=str(seconds)))
    world.clock.advance(hours=3)
    world.dispatch(post)
    assert timedelta(seconds=world.seconds_until_due(post)) <= MOST


def test_slip_ends_a_post_only_by_its_allowed_lateness(world: World):
    world.set(max_lateness_seconds=3600.0)
    post = world.due()
    world.publisher.default_reply = answered(404)
    while (result := world.dispatch(post)).status == "retry_scheduled":
        world.at_due(post)
    assert result == Dispatched("failed", "missed")
    assert world.clock.now() > IN_TEN_MINUTES + timedelta(hours=1)


@pytest.mark.parametrize("slip", ["404", "DNS or TLS"])
def test_slip_with_an_open_breaker_holds_the_post_too(world: World, slip: str):
    world.set(breaker_threshold=1, max_retries=0)
    post = world.due()
    world.publisher.default_reply = SLIPS[slip][0]
    for _ in range(20):
        assert world.dispatch(post).status == "retry_scheduled"
        world.at_due(post)
    assert world.read(post).retry_count == 0


@pytest.mark.parametrize("reply", [answered(500), answered(503), answered(429)], ids=["500", "503", "429"])
def test_real_failures_of_n8n_still_spend_the_budget(world: World, reply: Reply):
    post = world.due()
    world.publisher.default_reply = reply
    results = []
    for _ in range(4):
        results.append(world.dispatch(post))
        world.at_due(post)
    assert results[-1] == Dispatched("failed", "retries_exhausted")


def test_expired_token_holds_the_post_while_linkedin_refuses_our_app(database_url: str):
    world = OAuthWorld(database_url)
    account = world.expiring_account(IN_TEN_MINUTES - START - timedelta(minutes=1), external_id="urn:li:person:1")
    post = world.due()
    assert post.social_account_id == account.id
    world.linkedin.answers.append(failure("invalid_client"))
    assert world.dispatch(post) == Dispatched("retry_scheduled", "authorization_refused")
    after = world.read(post)
    assert (after.error_code, after.retry_count) == ("installation_misconfigured", 0)
    assert world.alerts() == {"authorization_refused": "linkedin"}
    world.clock.advance(minutes=10)  # the operator mends it
    assert world.dispatch(post) == Dispatched("dispatched")
    assert world.publisher.submissions[-1].access_token == "access-2"
    assert world.alerts() == {}
    world.close()
