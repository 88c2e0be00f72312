"""The risks of scheduled posts: each in words, with a cure, and only while it is true."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.domain.explanations import EXPLANATIONS
from app.domain.lifecycle import Status
from app.domain.post import Account, Post
from app.domain.risks import HELD_CODES, NOTHING_KNOWN, OF_ACCOUNT, Outlook, risk, risks_of
from tests.support.fakes import START

DUE = START + timedelta(days=3)
HOUR = timedelta(hours=1)
GOOD = Outlook(can_refresh=False, armed_before=START + timedelta(days=7), checks_media=True, daily_cap=None)
ACCOUNT = Account(
    id="a", user_id="u", company_id=None, client_id=None, platform="linkedin", external_id="x", account_name="Ann",
    access_token="t", refresh_token=None, expires_at=None, status="active", connected_at=START, created_at=START,
    updated_at=START,
)  # fmt: skip
POST = Post(
    id="p", user_id="u", company_id=None, client_id=None, social_account_id="a", platform="linkedin",
    post_type="post", content="Hello", media=[], image_url=None, status=Status.SCHEDULED, scheduled_at=DUE,
    time_zone=None, next_attempt_at=DUE, lease_until=None, sending_at=None, generation=1, attempt=0, retry_count=0,
    arm_count=1, message_id="msg_1", swept_at=None, external_post_id=None, external_url=None, published_at=None,
    lateness_ms=None, error_code=None, error_message=None, created_at=START, updated_at=START,
)  # fmt: skip


def codes(
    post: Post = POST, account: Account | None = ACCOUNT, outlook: Outlook = GOOD, over_cap: bool = False
) -> list[str]:
    found = risks_of(post, account, outlook, over_cap)
    assert all(one.message.endswith(".") and one.cure.endswith(".") for one in found)
    return [one.code for one in found]


def test_good_post_has_no_risk():
    assert codes() == []


def test_account_that_is_gone_or_disconnected_is_a_risk():
    assert codes(account=None) == ["account_missing"]
    assert codes(account=replace(ACCOUNT, status="reconnect_required")) == ["reconnect_required"]


def test_held_post_names_its_reason_once():
    held = replace(POST, error_code="reconnect_required")
    assert codes(held, replace(ACCOUNT, status="reconnect_required")) == ["reconnect_required"]


@pytest.mark.parametrize(("end", "expected"), [(DUE, ["token_expires_before"]), (DUE + HOUR, [])])
def test_access_that_ends_by_the_instant_is_a_risk(end: datetime, expected: list[str]):
    account = replace(ACCOUNT, expires_at=end)
    assert codes(account=account) == expected
    if expected:
        assert "2030-01-1" in risks_of(POST, account, GOOD, False)[0].message


def test_access_that_we_renew_is_no_risk_until_the_refresh_token_ends():
    renewed = replace(ACCOUNT, expires_at=START + HOUR, refresh_token="r", refresh_granted=True)
    able = replace(GOOD, can_refresh=True)
    assert codes(account=renewed, outlook=able) == []
    assert codes(account=renewed) == ["token_expires_before"]
    assert codes(account=replace(renewed, refresh_expires_at=DUE - HOUR), outlook=able) == ["token_expires_before"]
    assert codes(account=replace(renewed, refresh_granted=False), outlook=able) == ["token_expires_before"]


def test_post_without_a_message_is_unarmed_or_beyond_the_horizon():
    bare = replace(POST, message_id=None)
    assert codes(bare) == ["not_armed"]
    assert codes(replace(bare, next_attempt_at=START + timedelta(days=7))) == ["parked"]
    assert codes(bare, outlook=replace(GOOD, armed_before=None)) == []


def test_media_that_nobody_checks_are_a_risk_and_so_are_media_that_were_gone():
    media = [{"url": "https://example.com/a.png", "type": "image"}]
    unchecked = replace(GOOD, checks_media=False)
    for post in (replace(POST, media=media), replace(POST, image_url="https://example.com/a.png")):
        assert codes(post) == []
        assert codes(post, outlook=unchecked) == ["media_unchecked"]
    assert codes(outlook=unchecked) == []
    assert codes(replace(POST, error_code="media_not_fetched")) == ["media_not_fetched"]


def test_post_over_the_accounts_cap_is_a_risk():
    assert codes(over_cap=True) == ["daily_cap"]
    assert codes(replace(POST, error_code="daily_cap"), over_cap=True) == ["daily_cap"]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.SCHEDULED])
def test_only_a_scheduled_post_has_risks(status: Status):
    post = replace(POST, status=status, next_attempt_at=None, message_id=None, error_code="account_missing")
    assert codes(post, None, replace(GOOD, checks_media=False), over_cap=True) == []


def test_every_code_has_words():
    for code in (*EXPLANATIONS, *HELD_CODES, *OF_ACCOUNT, "not_armed", "parked", "media_unchecked", "no such code"):
        assert risk(code).message
        assert risk(code).cure
    assert codes(outlook=NOTHING_KNOWN) == []
