"""The limits of each platform, checked when scheduling."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.rules import check_limits
from app.domain.content.text import text_length
from app.domain.errors import FieldError
from app.domain.platforms import LIMITS, MAX_CONTENT, PLATFORMS, POST_TYPES
from app.settings.checks import DUPLICATE_GUARD_SECONDS

PHOTO = {"url": "https://example.com/a.jpg", "type": "image"}
BEYOND_THE_BASIC_PLANE = "🚀"  # one character, two UTF-16 code units
VERBS = ("shorten", "write", "add", "remove", "leave out")


def codes(errors: list[FieldError]) -> list[tuple[str, str]]:
    return [(error.field, error.code) for error in errors]


def test_platforms_and_post_types_are_those_of_the_api():
    assert PLATFORMS == ("linkedin", "instagram", "facebook")
    assert POST_TYPES == ("post", "reel", "story", "video", "carousel")
    assert set(LIMITS) == set(PLATFORMS)


@pytest.mark.parametrize(
    ("platform", "name", "text", "media"),
    [("linkedin", "LinkedIn", 3_000, 20), ("instagram", "Instagram", 2_200, 10), ("facebook", "Facebook", 63_206, 10)],
)
def test_each_platform_has_its_own_limits(platform: str, name: str, text: int, media: int):
    limits = LIMITS[platform]
    assert (limits.name, limits.text, limits.media) == (name, text, media)
    assert limits.text <= MAX_CONTENT


def test_only_instagram_requires_media():
    assert [platform for platform in PLATFORMS if LIMITS[platform].media_required] == ["instagram"]


def test_only_linkedin_refuses_duplicates_for_nine_minutes_of_its_ten():
    guards = {platform: LIMITS[platform].duplicate_guard for platform in PLATFORMS}
    assert guards == {"linkedin": timedelta(minutes=9), "instagram": None, "facebook": None}
    assert timedelta(seconds=DUPLICATE_GUARD_SECONDS) == guards["linkedin"]  # the settings' check


@pytest.mark.parametrize("platform", PLATFORMS)
def test_text_may_reach_but_not_exceed_its_limit(platform: str):
    limit = LIMITS[platform].text
    assert check_limits(platform, "a" * limit, [PHOTO], None) == []
    (error,) = check_limits(platform, "a" * (limit + 1), [PHOTO], None)
    assert (error.field, error.code, error.limit, error.actual) == ("content", "text_too_long", limit, limit + 1)
    assert f"at most {limit} characters" in error.message
    assert "Shorten the text by 1." in error.message


def test_an_emoji_counts_as_the_platforms_count_it():
    assert check_limits("linkedin", BEYOND_THE_BASIC_PLANE * 1_500, [], None) == []
    (error,) = check_limits("linkedin", BEYOND_THE_BASIC_PLANE * 1_501, [], None)
    assert (error.actual, "Shorten the text by 2." in error.message) == (3_002, True)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_media_may_reach_but_not_exceed_their_limit(platform: str):
    limit = LIMITS[platform].media
    assert check_limits(platform, "Hello", [PHOTO] * limit, None) == []
    (error,) = check_limits(platform, "Hello", [PHOTO] * (limit + 1), None)
    assert (error.field, error.code, error.limit, error.actual) == ("media", "too_many_media", limit, limit + 1)
    assert LIMITS[platform].name in error.message
    assert f"at most {limit}" in error.message


def test_image_url_counts_only_without_media():
    assert check_limits("instagram", "Hello", [], "https://example.com/a.jpg") == []
    assert check_limits("instagram", "Hello", [PHOTO] * 10, "https://example.com/a.jpg") == []
    assert check_limits("linkedin", "", [], "https://example.com/a.jpg") == []


@pytest.mark.parametrize("image_url", [None, ""])
def test_instagram_publishes_nothing_without_media(image_url: str | None):
    (error,) = check_limits("instagram", "Hello", [], image_url)
    assert (error.field, error.code, error.limit, error.actual) == ("media", "media_required", 1, 0)


@pytest.mark.parametrize("platform", ["linkedin", "facebook"])
@pytest.mark.parametrize("content", ["", " ", "\n\t\u00a0"])
def test_empty_post_is_refused_and_an_image_alone_is_accepted(platform: str, content: str):
    (error,) = check_limits(platform, content, [], None)
    assert (error.field, error.code) == ("content", "content_required")
    assert check_limits(platform, content, [PHOTO], None) == []
    assert check_limits(platform, ".", [], None) == []


def test_all_errors_are_listed_together():
    assert codes(check_limits("instagram", "a" * 2_201, [PHOTO] * 11, None)) == [
        ("content", "text_too_long"),
        ("media", "too_many_media"),
    ]
    assert codes(check_limits("instagram", "", [], None)) == [
        ("content", "content_required"),
        ("media", "media_required"),
    ]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_error_message_has_a_cure(platform: str):
    limits = LIMITS[platform]
    errors = check_limits(platform, "a" * (limits.text + 1), [PHOTO] * (limits.media + 1), None)
    errors += check_limits(platform, "", [], None)
    silent = [error.message for error in errors if not any(verb in error.message.lower() for verb in VERBS)]
    assert silent == []


@pytest.mark.parametrize(
    ("text", "length"),
    [("", 0), ("a", 1), ("ä", 1), ("中", 1), ("🚀", 2), ("👨‍👩‍👧", 8), ("\ud800", 1), ("\0", 1), ("\uffff", 1)],
)
def test_a_length_is_in_utf_16_code_units(text: str, length: int):
    assert text_length(text) == length


@given(st.text())
def test_the_length_is_what_utf_16_takes(text: str):
    assert text_length(text) == len(text.encode("utf-16-le")) // 2
    assert text_length(text) == sum(1 + (ord(character) > 0xFFFF) for character in text)


@given(st.text(alphabet=st.characters(categories=("Cs", "L"))), st.text(alphabet=st.characters(categories=("Cs", "L"))))
def test_text_length_is_additive_even_with_lone_surrogates(one: str, other: str):
    assert text_length(one + other) == text_length(one) + text_length(other)
