"""Types of post, combinations of media, hashtags and mentions, and warnings where limits contradict each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.rules import check_limits, content_warnings
from app.domain.content.text import count_hashtags, count_mentions
from app.domain.errors import FieldError
from app.domain.platforms import LIMITS, MAX_MEDIA, PLATFORMS, POST_TYPES

KINDS = ("image", "video", "document")
URL = "https://example.com/a"


def media(kinds: str) -> list[dict[str, str]]:
    """Build media: `i` is an image, `v` a video, `d` a document."""
    named = {kind[0]: kind for kind in KINDS}
    return [{"url": URL, "type": named[letter]} for letter in kinds]


def errors_of(
    platform: str, post_type: str, kinds: str, content: str = "Hello"
) -> list[tuple[str, int | None, int | None]]:
    errors: list[FieldError] = check_limits(platform, content, media(kinds), None, post_type)
    return [(error.code, error.limit, error.actual) for error in errors]


def advised(platform: str, content: str = "Hello", kinds: str = "i", post_type: str = "post") -> list[str]:
    return [code for code, _ in content_warnings(platform, content, media(kinds), None, post_type)]


@pytest.mark.parametrize(
    ("platform", "post_type", "taken", "refused"),
    [
        ("linkedin", "post", ["", "i", "v", "d", "ii", "i" * 20], ["vv", "iv", "id", "dd", "i" * 21]),
        ("linkedin", "video", ["v"], ["", "i", "vv", "d"]),
        ("linkedin", "carousel", ["ii", "i" * 20, "d"], ["", "i", "v", "iv", "i" * 21, "dd"]),
        ("instagram", "post", ["i", "v", "iv", "i" * 10], ["", "d", "id", "i" * 11]),
        ("instagram", "reel", ["v"], ["", "i", "vv", "iv"]),
        ("instagram", "story", ["i", "v"], ["", "ii", "iv", "d"]),
        ("instagram", "video", ["v"], ["", "i", "vv"]),
        ("instagram", "carousel", ["ii", "iv", "vv", "v" * 10], ["", "i", "v", "i" * 11, "iid"]),
        ("facebook", "post", ["", "i", "v", "i" * 10], ["iv", "vv", "d", "i" * 11]),
        ("facebook", "reel", ["v"], ["", "i", "vv"]),
        ("facebook", "story", ["i", "v"], ["", "ii", "iv"]),
        ("facebook", "video", ["v"], ["", "i", "vv"]),
        ("facebook", "carousel", ["ii", "i" * 10], ["", "i", "vv", "iv", "i" * 11]),
    ],
)
def test_media_of_each_type_of_post(platform: str, post_type: str, taken: list[str], refused: list[str]):
    assert [kinds for kinds in taken if errors_of(platform, post_type, kinds)] == []
    assert [kinds for kinds in refused if not errors_of(platform, post_type, kinds)] == []


def test_table_covers_every_type_of_post_of_each_platform():
    assert {platform: tuple(LIMITS[platform].shapes) for platform in PLATFORMS} == {
        "linkedin": ("post", "video", "carousel"),
        "instagram": POST_TYPES,
        "facebook": POST_TYPES,
    }


@pytest.mark.parametrize("post_type", ["reel", "story"])
def test_unsupported_type_of_post_is_refused(post_type: str):
    (error,) = check_limits("linkedin", "Hello", media("v"), None, post_type)
    assert (error.field, error.code) == ("postType", "post_type_not_supported")
    assert "post, video, carousel" in error.message


def test_wrong_number_of_media_names_limit_and_actual():
    assert errors_of("instagram", "carousel", "i") == [("too_few_media", 2, 1)]
    assert errors_of("instagram", "carousel", "i" * 12) == [("too_many_media", 10, 12)]
    assert errors_of("instagram", "carousel", "") == [("media_required", 2, 0)]
    assert errors_of("facebook", "reel", "vv") == [("too_many_media", 1, 2)]
    assert errors_of("linkedin", "post", "vv") == [("too_many_media", 1, 2)]


def test_mixed_kinds_and_unsupported_kinds_have_different_codes():
    assert errors_of("linkedin", "post", "iv") == [("media_kinds_do_not_mix", 1, 2)]
    assert errors_of("facebook", "post", "iiv") == [("media_kinds_do_not_mix", 1, 2)]
    assert errors_of("instagram", "post", "id") == [("media_kind_not_supported", None, None)]
    assert errors_of("facebook", "reel", "i") == [("media_kind_not_supported", None, None)]


def test_an_image_url_alone_is_one_image():
    assert check_limits("instagram", "", [], URL, "story") == []
    assert [error.code for error in check_limits("instagram", "", [], URL, "reel")] == ["media_kind_not_supported"]
    assert [error.code for error in check_limits("linkedin", "", [], URL, "carousel")] == ["too_few_media"]


def test_every_url_is_checked_and_named_by_its_index():
    items = [
        {"url": "http://example.com/a", "type": "image"},
        {"url": URL, "type": "image"},
        {"url": "https://10.0.0.1/", "type": "image"},
    ]
    errors = check_limits("linkedin", "Hello", items, "https://localhost/a")
    assert [(error.field, error.code) for error in errors] == [
        ("media.0.url", "media_url_not_https"),
        ("media.2.url", "media_url_not_public"),
        ("imageUrl", "media_url_not_public"),
    ]
    local = check_limits("linkedin", "Hello", [], "http://localhost/a", allow_loopback=True)
    assert local == []


def test_only_instagram_wants_its_urls_in_ascii():
    found = {
        platform: [error.code for error in check_limits(platform, "Hello", [], "https://example.com/ä.jpg")]
        for platform in PLATFORMS
    }
    assert found == {"linkedin": [], "facebook": [], "instagram": ["media_url_not_ascii"]}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("#a", 1),
        ("#a #b", 2),
        ("#a#b", 2),
        ("#a, #b. (#c) #d!#e", 5),
        ("##a", 1),
        ("# a", 0),
        ("#", 0),
        ("#!", 0),
        ("C#7 and F#m", 0),
        ("&#39;", 0),
        ("#2026", 1),
        ("#größe#straße", 2),
        ("#日本#東京", 2),
        ("#हिन्दी#भाषा", 2),
        ("#cafe\u0301#b", 2),
        ("＃wide", 1),
        ("#🎉#🚀", 2),
        ("#\ufe0f\u20e3 is a key", 0),
        ("https://example.com/a#frag", 0),
        ("https://example.com/#frag #a", 1),
        ("#a_b#a_b", 2),
    ],
)
def test_count_hashtags(text: str, count: int):
    assert count_hashtags(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("@a", 1),
        ("@a @b, (@c)", 3),
        ("name@host.com", 0),
        ("@", 0),
        ("@ a", 0),
        ("@.a", 0),
        ("https://host/@a", 0),
        ("Ä@b", 0),
        ("「@a」", 1),
    ],
)
def test_count_mentions_without_mail_addresses(text: str, count: int):
    assert count_mentions(text) == count


@given(
    st.lists(st.sampled_from(["#a", "#größe", "#東京", "#a_1"]), max_size=40), st.sampled_from(["", " ", "\n", ", "])
)
def test_separators_do_not_change_the_hashtag_count(tags: list[str], between: str):
    assert count_hashtags(between.join(tags)) == len(tags)


def test_instagram_bounds_hashtags_and_mentions_and_the_others_do_not():
    tags, names = " ".join(["#a"] * 31), " ".join(["@a"] * 21)
    assert errors_of("instagram", "post", "i", tags) == [("too_many_hashtags", 30, 31)]
    assert errors_of("instagram", "post", "i", names) == [("too_many_mentions", 20, 21)]
    assert errors_of("instagram", "post", "i", " ".join(["#a"] * 30 + ["@a"] * 20)) == []
    assert (
        errors_of("linkedin", "post", "", f"{tags} {names}")
        == errors_of("facebook", "post", "", f"{tags} {names}")
        == []
    )


def test_text_is_counted_in_the_unit_of_its_platform():
    assert errors_of("facebook", "post", "", "🎉" * 31_604) == [("text_too_long", 63_206, 63_208)]
    assert errors_of("instagram", "post", "i", "🎉" * 2_200) == []
    assert errors_of("instagram", "post", "i", "🎉" * 2_201) == [("text_too_long", 2_200, 2_201)]
    assert advised("instagram", "🎉" * 1_101) == ["text_may_be_too_long"]
    assert advised("instagram", "🎉" * 1_100) == advised("instagram", "🎉" * 2_201) == []


def test_contradictory_limits_of_a_platform_are_a_warning():
    assert advised("instagram", "#a " * 5) == []
    assert advised("instagram", "#a " * 6) == advised("instagram", "#a " * 30) == ["hashtags_may_be_refused"]
    assert advised("linkedin", "#a " * 6) == []
    assert advised("linkedin", kinds="i" * 9) == []
    assert advised("linkedin", kinds="i" * 10) == ["media_may_be_refused"]
    assert advised("facebook", kinds="i" * 10) == []


def test_text_dropped_by_the_platform_is_a_warning():
    for platform in ("instagram", "facebook"):
        assert advised(platform, post_type="story") == ["text_not_shown"]
        assert advised(platform, " \n", post_type="story") == []
        assert advised(platform, post_type="post") == []


def test_single_video_on_instagram_is_a_reel_warning():
    assert (
        advised("instagram", kinds="v") == advised("instagram", kinds="v", post_type="video") == ["published_as_reel"]
    )
    assert advised("instagram", kinds="v", post_type="reel") == advised("instagram", kinds="vi") == []
    assert advised("facebook", kinds="v", post_type="video") == []


@given(
    st.sampled_from(PLATFORMS),
    st.sampled_from(POST_TYPES),
    st.text(alphabet="ivd", max_size=MAX_MEDIA + 1),
    st.text(alphabet=st.characters() | st.sampled_from("#@🎉 a")),
)
def test_any_post_is_checked_without_an_error(platform: str, post_type: str, kinds: str, content: str):
    errors = check_limits(platform, content, media(kinds), None, post_type)
    assert all(error.code and error.message.endswith(".") for error in errors)
    assert all((error.limit is None) is (error.actual is None) for error in errors)
    assert all(
        message.endswith(".") for _, message in content_warnings(platform, content, media(kinds), None, post_type)
    )
