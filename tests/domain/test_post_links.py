"""Links to posts: each platform's own forms, and nothing of another site or another form."""

import pytest

from app.domain.errors import Invalid
from app.domain.platforms import PLATFORMS
from app.domain.post_links import HOSTS, PostLink, read_link, read_post_id

NUMBER = "7123456789012345678"
FEED = f"https://www.linkedin.com/feed/update/urn:li:activity:{NUMBER}/"
LINKEDIN = {
    f"https://www.linkedin.com/feed/update/urn:li:activity:{NUMBER}/": f"urn:li:activity:{NUMBER}",
    f"https://www.linkedin.com/feed/update/urn:li:share:{NUMBER}?utm_source=share": f"urn:li:share:{NUMBER}",
    f"https://www.linkedin.com/feed/update/urn%3Ali%3AugcPost%3A{NUMBER}": f"urn:li:ugcPost:{NUMBER}",
    f"https://www.linkedin.com/embed/feed/update/urn:li:share:{NUMBER}": f"urn:li:share:{NUMBER}",
    f"https://de.linkedin.com/posts/ann_big-news-activity-{NUMBER}-AbC_?x=1": f"urn:li:activity:{NUMBER}",
    f"http://linkedin.com/posts/ann-lee_a-share-b-ugcPost-{NUMBER}-x/": f"urn:li:ugcPost:{NUMBER}",
    f"https://www.linkedin.com:443/posts/ann_x-share-{NUMBER}": f"urn:li:share:{NUMBER}",
}
INSTAGRAM = {
    "https://www.instagram.com/p/C1abcDEF-_x/": "https://www.instagram.com/p/C1abcDEF-_x/",
    "https://instagram.com/p/C1abcDEF?igsh=abc": "https://www.instagram.com/p/C1abcDEF/",
    "https://www.instagram.com/ann.lee/reel/C1abcDEF/": "https://www.instagram.com/reel/C1abcDEF/",
    "https://www.instagram.com/reels/C1abcDEF/": "https://www.instagram.com/reel/C1abcDEF/",
    "https://www.instagram.com/stories/ann/31415926/": "https://www.instagram.com/stories/ann/31415926/",
}
FB = "https://www.facebook.com"
FACEBOOK = {
    f"{FB}/ann/posts/98765?__cft__=x": ("98765", f"{FB}/ann/posts/98765"),
    f"{FB}/12345/posts/98765/": ("12345_98765", f"{FB}/12345/posts/98765"),
    f"{FB}/ann/posts/big-news-%C3%BC%20x/98765": ("98765", f"{FB}/ann/posts/98765"),
    f"{FB}/ann/posts/pfbid0abcDEF": (None, f"{FB}/ann/posts/pfbid0abcDEF"),
    f"{FB}/12345_98765": ("12345_98765", f"{FB}/12345_98765"),
    "https://m.facebook.com/story.php?story_fbid=98765&id=12345&eav=x": (
        "12345_98765",
        f"{FB}/story.php?story_fbid=98765&id=12345",
    ),
    f"{FB}/permalink.php?story_fbid=pfbid0abc&id=12345": (None, f"{FB}/permalink.php?story_fbid=pfbid0abc&id=12345"),
    f"{FB}/watch/?v=98765": ("98765", f"{FB}/watch?v=98765"),
    f"{FB}/photo/?fbid=98765&set=a.1": ("98765", f"{FB}/photo?fbid=98765"),
    f"{FB}/reel/98765": ("98765", f"{FB}/reel/98765"),
    f"{FB}/ann/videos/98765": ("98765", f"{FB}/ann/videos/98765"),
    f"{FB}/share/p/AbC123/": (None, f"{FB}/share/p/AbC123"),
    "https://fb.watch/AbC-1/": (None, "https://fb.watch/AbC-1/"),
}


@pytest.mark.parametrize(("url", "urn"), LINKEDIN.items())
def test_link_to_linkedin_tells_its_urn(url: str, urn: str):
    assert read_link("linkedin", url) == PostLink(urn, f"https://www.linkedin.com/feed/update/{urn}/")


@pytest.mark.parametrize(("url", "stored"), INSTAGRAM.items())
def test_link_to_instagram_is_kept_without_an_id(url: str, stored: str):
    assert read_link("instagram", url) == PostLink(None, stored)


@pytest.mark.parametrize(("url", "expected"), FACEBOOK.items())
def test_link_to_facebook_tells_its_number_or_none(url: str, expected: tuple[str | None, str]):
    assert read_link("facebook", url) == PostLink(*expected)


def code_of(platform: str, url: str) -> str:
    with pytest.raises(Invalid) as refused:
        read_link(platform, url)
    assert [error.field for error in refused.value.errors] == ["url"]
    return refused.value.code


EXAMPLES = {"linkedin": FEED, "instagram": "https://www.instagram.com/p/C1abcDEF/", "facebook": f"{FB}/reel/98765"}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_link_to_another_platform_is_refused(platform: str):
    for other, url in EXAMPLES.items():
        if other != platform:
            assert code_of(platform, url) == "other_platform"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "www.linkedin.com.evil.example",
        "evillinkedin.com",
        "www.linkedin.com@evil.example",
        "evil.example@www.linkedin.com",
        "www.linkedin.com:8443",
        "lnkd.in",
        "127.0.0.1",
        "[::1]",
    ],
)
def test_link_to_another_host_is_refused(host: str):
    assert code_of("linkedin", f"https://{host}/feed/update/urn:li:share:{NUMBER}/") == "other_platform"


@pytest.mark.parametrize(
    ("platform", "path"),
    [
        ("linkedin", ""),
        ("linkedin", "/in/ann"),
        ("linkedin", "/pulse/some-article"),
        ("linkedin", "/feed/update/urn:li:person:7"),
        ("linkedin", "/feed/update/urn:li:share:7%2F..%2F..%2Flogout"),
        ("linkedin", "/posts/ann_x-activity-\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0661"),
        ("instagram", "/ann/"),
        ("instagram", "/p/"),
        ("instagram", "/p/C1abcDEF/../../evil"),
        ("instagram", "/explore/tags/x"),
        ("facebook", "/ann"),
        ("facebook", "/12345"),
        ("facebook", "/permalink.php?id=12345"),
        ("facebook", "/permalink.php?story_fbid=<x>&id=12345"),
        ("facebook", "/ann/posts/%2F%2Fevil"),
        ("facebook", "/ann/posts/"),
        ("facebook", "/watch/"),
    ],
)
def test_link_that_names_no_post_is_refused(platform: str, path: str):
    assert code_of(platform, f"https://www.{HOSTS[platform][0]}{path}") == "link_of_no_post"


def test_id_in_the_platforms_form_is_taken():
    urn = f"urn:li:share:{NUMBER}"
    assert read_post_id("linkedin", urn) == PostLink(urn, f"https://www.linkedin.com/feed/update/{urn}/")
    assert read_post_id("facebook", "12345_98765") == PostLink("12345_98765", None)
    assert read_post_id("instagram", "17895695668004550") == PostLink("17895695668004550", None)


@pytest.mark.parametrize(
    ("platform", "external_id", "code"),
    [
        ("linkedin", "12345_98765", "other_platform"),
        ("facebook", f"urn:li:share:{NUMBER}", "other_platform"),
        ("linkedin", "urn:li:person:7", "invalid_post_id"),
        ("instagram", "C1abcDEF", "invalid_post_id"),
    ],
)
def test_id_in_another_form_is_refused(platform: str, external_id: str, code: str):
    with pytest.raises(Invalid) as refused:
        read_post_id(platform, external_id)
    assert (refused.value.code, refused.value.errors[0].field) == (code, "externalPostId")
