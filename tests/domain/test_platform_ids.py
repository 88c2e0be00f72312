"""Ids of posts and accounts: each platform's own form. An id in another form never becomes a link."""

import pytest

from app.domain.platforms import PLATFORMS, account_id_problem, external_url, is_post_id

LINKED = ["urn:li:share:7", "urn:li:ugcPost:7123456789012345678", "urn:li:activity:1", "urn:li:share:aB_-9"]
HOSTILE = [
    "javascript:alert(1)",
    "urn:li:javascript:alert(1)",
    "urn:li:share:7/../../../../redir?u=https://evil.example",
    "urn:li:share:../../logout",
    "urn:li:share:7?x=1",
    "urn:li:share:7#x",
    "urn:li:share:7%2f..",
    "urn:li:share:7\\..",
    "urn:li:share:7@evil.example",
    "urn:li:share:",
    "urn:li:share:7:8",
    "urn:li:share:7 ",
    "urn:li:share:7\n",
    "urn:li:share:\u0667",
    "urn:li:share:" + "7" * 201,
    "urn:li:",
    "urn:li:person:7",
    "URN:LI:SHARE:7",
    "//evil.example/urn:li:share:7",
    "data:text/html,x",
    "x",
    "7",
    "",
    None,
]

NO_META_ID = ["urn:li:person:1", "me", "0", "017", "-1", "1.5", "1e5", "12/feed", "12?x=1", "12_13", "@ann", "12\n"]
NO_META_ID += ["\u0661\u0662", "https://www.facebook.com/12", "1" * 41]


@pytest.mark.parametrize("urn", LINKED)
def test_urn_of_a_linkedin_post_becomes_a_link_to_linkedin(urn: str):
    assert external_url("linkedin", urn) == f"https://www.linkedin.com/feed/update/{urn}/"


@pytest.mark.parametrize("reported", HOSTILE)
@pytest.mark.parametrize("platform", [*PLATFORMS, None, "myspace"])
def test_id_in_another_form_never_becomes_a_link(platform: str | None, reported: str | None):
    assert external_url(platform, reported) is None


@pytest.mark.parametrize("platform", ["facebook", "instagram", None])
def test_linkedins_urn_on_another_platform_is_no_link(platform: str | None):
    assert external_url(platform, "urn:li:share:7") is None
    assert not is_post_id(platform, "urn:li:share:7")


@pytest.mark.parametrize(
    ("platform", "external_id"),
    [
        ("linkedin", "urn:li:person:aB3_-x"),
        ("linkedin", "urn:li:organization:5515715"),
        ("linkedin", "urn:li:organizationBrand:1"),
        ("linkedin", "urn:li:member:12"),
        ("linkedin", "urn:li:company:12"),
        ("facebook", "102345678901234"),
        ("instagram", "17841400008460056"),
    ],
)
def test_id_of_an_account_in_its_platforms_form_is_right(platform: str, external_id: str):
    assert account_id_problem(platform, external_id) is None


@pytest.mark.parametrize(
    ("platform", "external_id"),
    [
        ("linkedin", "x"),
        ("linkedin", "7"),
        ("linkedin", "urn:li:person:"),
        ("linkedin", "urn:li:person:a/../b"),
        ("linkedin", "urn:li:person:a,b"),
        ("linkedin", "urn:li:person:(a)"),
        ("linkedin", "urn:li:share:7"),
        ("linkedin", "https://www.linkedin.com/in/ann"),
        ("linkedin", "urn:li:person:" + "a" * 201),
        ("linkedin", "102345678901234"),
        *[(meta, wrong) for meta in ("facebook", "instagram") for wrong in NO_META_ID],
    ],
)
def test_id_of_an_account_in_another_form_names_the_right_one(platform: str, external_id: str):
    assert str(account_id_problem(platform, external_id)).startswith("Send ")
