"""Check a post against its platform's limits: errors for certain refusals, warnings for surprises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.content.media import check_media, check_urls
from app.domain.content.text import count_hashtags, count_mentions, text_length
from app.domain.errors import FieldError
from app.domain.platforms import ANNOUNCED_HASHTAG_LIMIT, LIMITS, OLDER_MULTI_IMAGE_LIMIT, Limits


def check_limits(
    platform: str,
    content: str,
    media: Sequence[Mapping[str, str]],
    image_url: str | None,
    post_type: str = "post",
    *,
    allow_loopback: bool = False,
) -> list[FieldError]:
    """List every error of this content on this platform. `allow_loopback`: see `check_url`."""
    limits = LIMITS[platform]
    kinds = _kinds(media, image_url)
    errors = _check_text(limits, content)
    if not content.strip() and not kinds:
        errors.append(FieldError("content", "content_required", "Write a text or add media before scheduling."))
    shape = limits.shapes.get(post_type)
    if shape is None:
        message = f"{limits.name} has no {post_type}. Write a new post as one of: {', '.join(limits.shapes)}."
        errors.append(FieldError("postType", "post_type_not_supported", message))
    else:
        errors += check_media(limits.name, post_type, shape, kinds)
    return errors + check_urls(media, image_url, ascii_only=limits.ascii_urls, allow_loopback=allow_loopback)


def _check_text(limits: Limits, content: str) -> list[FieldError]:
    length = len(content) if limits.by_code_point else text_length(content)
    checks = [("characters", "text_too_long", limits.text, length, "Shorten the text by")]
    if limits.hashtags is not None:
        checks.append(("hashtags", "too_many_hashtags", limits.hashtags, count_hashtags(content), "Remove"))
    if limits.mentions is not None:
        checks.append(("mentions", "too_many_mentions", limits.mentions, count_mentions(content), "Remove"))
    return [
        FieldError(
            "content", code, f"{limits.name} takes at most {limit} {unit}. {cure} {actual - limit}.", limit, actual
        )
        for unit, code, limit, actual, cure in checks
        if actual > limit
    ]


def _kinds(media: Sequence[Mapping[str, str]], image_url: str | None) -> list[str]:
    """List the kinds of media. `imageUrl`, older than `media`, counts only where `media` is empty."""
    return [item["type"] for item in media] or (["image"] if image_url else [])


def content_warnings(
    platform: str, content: str, media: Sequence[Mapping[str, str]], image_url: str | None, post_type: str
) -> list[tuple[str, str]]:
    """Return (code, message) of each surprise for the author: dropped text, a doubtful limit, another type of post."""
    limits, kinds = LIMITS[platform], _kinds(media, image_url)
    hashtags = count_hashtags(content) if limits.hashtags is not None else 0
    a_video = platform == "instagram" and kinds == ["video"] and post_type in ("post", "video")
    found = [
        (
            post_type == "story" and bool(content.strip()),
            "text_not_shown",
            f"{limits.name} shows no text beside a story. Put the text into the picture.",
        ),
        (
            limits.by_code_point and text_length(content) > limits.text >= len(content),
            "text_may_be_too_long",
            f"{limits.name} may count emoji twice. This text then has {text_length(content)} characters, and the "
            f"limit is {limits.text}.",
        ),
        (
            limits.hashtags is not None and ANNOUNCED_HASHTAG_LIMIT < hashtags <= limits.hashtags,
            "hashtags_may_be_refused",
            f"{limits.name}'s reference allows {limits.hashtags} hashtags, but {limits.name} has announced a limit of "
            f"{ANNOUNCED_HASHTAG_LIMIT}. This text has {hashtags}.",
        ),
        (a_video, "published_as_reel", "Instagram publishes a single video as a reel."),
        (
            platform == "linkedin" and kinds.count("image") > OLDER_MULTI_IMAGE_LIMIT,
            "media_may_be_refused",
            f"LinkedIn takes 20 images, but only {OLDER_MULTI_IMAGE_LIMIT} in older versions of its API. "
            f"This post has {len(kinds)}. Ask your operator for the version that the workflow calls.",
        ),
    ]
    return [(code, message) for applies, code, message in found if applies]
