"""A signed message that outlived its commit: the database went back, and overdue posts are held."""

from typing import Any

import pytest

from tests.web.site import HOUR, MINUTE, NOW, SECOND, Site, User, json_of


def ms(instant: Any) -> int:
    return int(instant.timestamp() * 1000)


def kinds(site: Site) -> list[str]:
    alerts = json_of(site.anonymous.get("/api/scheduler/status"))["alerts"]
    return [alert["kind"] for alert in alerts if alert["kind"] == "database_went_back"]


@pytest.mark.parametrize("kind", [{}, {"kind": "lease", "attempt": 1}, {"kind": "lease", "attempt": None}], ids=str)
def test_message_of_a_later_generation_is_ignored_and_holds_overdue_posts(
    site: Site, alice: User, kind: dict[str, Any]
):
    post = alice.scheduled()
    site.clock.at = NOW + HOUR + MINUTE
    answer = json_of(site.deliver(post, generation=2, armedAt=ms(NOW + HOUR - SECOND), **kind))
    assert answer == {"status": "ignored", "reason": "stale"}
    assert (alice.read(post["id"])["status"], kinds(site)) == ("failed", ["database_went_back"])
    [attempt] = alice.timeline(post["id"])["attempts"]
    assert (attempt["outcome"], attempt["errorCode"]) == ("unknown", "held_after_restore")


@pytest.mark.parametrize("armed_at", [None, "1", 1.5, -1, True, [], 10**20, 10**30], ids=lambda value: str(value)[:12])
def test_message_without_a_sound_instant_is_ignored_and_proves_nothing(site: Site, alice: User, armed_at: Any):
    post = alice.scheduled()
    site.clock.at = NOW + HOUR + MINUTE
    named = {} if armed_at is None else {"armedAt": armed_at}
    assert json_of(site.deliver(post, generation=2, **named)) == {"status": "ignored", "reason": "stale"}
    assert (alice.read(post["id"])["status"], kinds(site)) == ("scheduled", [])


def test_instant_never_changes_a_normal_delivery(site: Site, alice: User):
    post = alice.scheduled()
    site.clock.at = NOW + HOUR
    assert json_of(site.deliver(post, armedAt=ms(NOW))) == {"status": "dispatched"}
    assert json_of(site.deliver(post, armedAt=ms(NOW))) == {"status": "ignored", "reason": "busy"}
    assert kinds(site) == []
