"""The simulated networks refuse duplicates for as long as the real ones, and no longer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.local.n8n.journal import Journal
from app.local.n8n.social_networks import Copy, DuplicatePostError, SocialNetworks, new_urn

NOON_NS = 1_796_126_400 * 10**9
MINUTE_NS = 60 * 10**9


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[SocialNetworks]:
    made = SocialNetworks(Journal(tmp_path / "published.jsonl"))
    yield made
    made.close()


def publish(networks: SocialNetworks, platform: str, text: str, minutes: float, account: str = "a") -> str:
    at = NOON_NS + round(minutes * MINUTE_NS)
    return networks.publish(Copy(new_urn(platform, at), platform, account, text, "post", at)).urn


def test_linkedin_refuses_a_duplicate_for_ten_minutes_and_names_the_latest(networks: SocialNetworks):
    first = publish(networks, "linkedin", "x", 0)
    publish(networks, "linkedin", "y", 1)
    publish(networks, "linkedin", "x", 1, account="b")
    with pytest.raises(DuplicatePostError) as refused:
        publish(networks, "linkedin", "x", 9.9)
    assert refused.value.original.urn == first
    second = publish(networks, "linkedin", "x", 10)
    with pytest.raises(DuplicatePostError) as refused:
        publish(networks, "linkedin", "x", 19)
    assert refused.value.original.urn == second


def test_facebook_refuses_only_two_equal_posts_in_a_row(networks: SocialNetworks):
    publish(networks, "facebook", "x", 0)
    with pytest.raises(DuplicatePostError):
        publish(networks, "facebook", "x", 60)
    publish(networks, "facebook", "y", 61)
    publish(networks, "facebook", "x", 62)


def test_urn_of_linkedin_carries_the_instant_of_creation():
    number = int(new_urn("linkedin", NOON_NS).removeprefix("urn:li:share:"))
    assert number >> 22 == NOON_NS // 1_000_000
    assert len(str(number)) == 19
