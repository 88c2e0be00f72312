"""What each platform takes: types of post, text, media. Checked when scheduling and on edit, not at the instant.

A limit that the platform's own documents state is an error; where these documents disagree with each other or with what
the platform announces, or where text would be dropped and not refused, it is a warning. Sources, as read in 2026:

- Microsoft Learn, "Posts API": commentary of at most 3,000 characters; content is text alone, one image, video or
  document, or a MultiImage. "MultiImage API": 2 to 20 images and nothing else; its versions before 2024 said 9.
  "Carousel Ads": carousels of cards are for sponsored posts alone, so that an author's carousel is a MultiImage or a
  document. LinkedIn Stories were given up in September 2021; reels it has none.
- Meta, "Instagram Platform, IG User Media": caption of at most 2,200 characters, 30 hashtags and 20 @ tags; media
  always required; URLs in US ASCII; `VIDEO` is gone since November 2023 and a video in the feed is a reel. "Content
  Publishing": a carousel has up to 10 images and videos; "Error Codes", 2207028: it needs at least 2. Instagram's
  @creators account, December 2025: captions may hold 5 hashtags, which the reference does not mention.
- Meta, "Pages API": a text alone, photos, or a video; "Reels Publishing" and "Stories API": one video; one photo or
  video, and no text beside it. No number of photos or characters is stated; 63,206 characters and 10 photos are what
  Facebook's own composer and the schedulers built on the API use.

Lengths are UTF-16 code units where the platform's client counts so (LinkedIn, Facebook). Instagram names no unit: code
points beyond the limit are an error, UTF-16 code units beyond it a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.content.media import Shape, check_media, check_urls, group
from app.domain.content.text import count_hashtags, count_mentions, utf16_length
from app.domain.errors import FieldError

PLATFORMS = ("linkedin", "instagram", "facebook")
POST_TYPES = ("post", "reel", "story", "video", "carousel")
MAX_CONTENT = 100_000  # characters any draft may hold, whatever its platform
MAX_MEDIA = 20
MULTI_IMAGE_BEFORE_2024 = 9
HASHTAGS_ANNOUNCED = 5

_ONE_VIDEO = Shape((group("video", 1, 1),))
_ONE_OF_EITHER = Shape((group("image video", 1, 1),))


@dataclass(frozen=True, slots=True)
class Limits:
    """`text` in UTF-16 code units, or in code points where `by_code_point`; hashtags and mentions where bounded.
    `shapes` has the types of post that this platform takes."""

    name: str
    text: int
    shapes: Mapping[str, Shape]
    refuses_duplicates: bool
    by_code_point: bool = False
    hashtags: int | None = None
    mentions: int | None = None
    ascii_urls: bool = False

    @property
    def media(self) -> int:
        return self.shapes["post"].most

    @property
    def media_required(self) -> bool:
        return not self.shapes["post"].text_alone


LIMITS = {
    "linkedin": Limits(
        "LinkedIn",
        3_000,
        {
            "post": Shape((group("image", 1, 20), group("video", 1, 1), group("document", 1, 1)), text_alone=True),
            "video": _ONE_VIDEO,
            "carousel": Shape((group("image", 2, 20), group("document", 1, 1))),
        },
        refuses_duplicates=True,
    ),
    "instagram": Limits(
        "Instagram",
        2_200,
        {
            "post": Shape((group("image video", 1, 10),)),
            "reel": _ONE_VIDEO,
            "story": _ONE_OF_EITHER,
            "video": _ONE_VIDEO,
            "carousel": Shape((group("image video", 2, 10),)),
        },
        refuses_duplicates=False,
        by_code_point=True,
        hashtags=30,
        mentions=20,
        ascii_urls=True,
    ),
    "facebook": Limits(
        "Facebook",
        63_206,
        {
            "post": Shape((group("image", 1, 10), group("video", 1, 1)), text_alone=True),
            "reel": _ONE_VIDEO,
            "story": _ONE_OF_EITHER,
            "video": _ONE_VIDEO,
            "carousel": Shape((group("image", 2, 10),)),
        },
        refuses_duplicates=True,
    ),
}

text_length = utf16_length


def check_limits(
    platform: str,
    content: str,
    media: Sequence[Mapping[str, str]],
    image_url: str | None,
    post_type: str = "post",
    *,
    allow_loopback: bool = False,
) -> list[FieldError]:
    """Everything this platform would refuse; empty when it would not. `allow_loopback`: see `check_url`."""
    limits = LIMITS[platform]
    kinds = _kinds(media, image_url)
    errors = _check_text(limits, content)
    if not content.strip() and not kinds:
        errors.append(FieldError("content", "content_required", "Write a text or add media before scheduling."))
    shape = limits.shapes.get(post_type)
    if shape is None:
        message = f"{limits.name} has no {post_type}; write the post anew as one of: {', '.join(limits.shapes)}."
        errors.append(FieldError("postType", "post_type_not_supported", message))
    else:
        errors += check_media(limits.name, post_type, shape, kinds)
    return errors + check_urls(media, image_url, ascii_only=limits.ascii_urls, allow_loopback=allow_loopback)


def _check_text(limits: Limits, content: str) -> list[FieldError]:
    length = len(content) if limits.by_code_point else utf16_length(content)
    checks = [("characters", "text_too_long", limits.text, length, "shorten the text by")]
    if limits.hashtags is not None:
        checks.append(("hashtags", "too_many_hashtags", limits.hashtags, count_hashtags(content), "remove"))
    if limits.mentions is not None:
        checks.append(("mentions", "too_many_mentions", limits.mentions, count_mentions(content), "remove"))
    return [
        FieldError(
            "content", code, f"{limits.name} takes at most {limit} {what}; {cure} {actual - limit}.", limit, actual
        )
        for what, code, limit, actual, cure in checks
        if actual > limit
    ]


def _kinds(media: Sequence[Mapping[str, str]], image_url: str | None) -> list[str]:
    """`imageUrl` is what workflows had before `media`: it counts where no media are named beside it."""
    return [item["type"] for item in media] or (["image"] if image_url else [])


def advice(
    platform: str, content: str, media: Sequence[Mapping[str, str]], image_url: str | None, post_type: str
) -> list[tuple[str, str]]:
    """(code, message) of all that this platform may take otherwise than its author means."""
    limits, kinds = LIMITS[platform], _kinds(media, image_url)
    hashtags = count_hashtags(content) if limits.hashtags is not None else 0
    a_video = platform == "instagram" and kinds == ["video"] and post_type in ("post", "video")
    found = [
        (
            post_type == "story" and bool(content.strip()),
            "text_not_shown",
            f"{limits.name} shows no text beside a story; put it into the picture.",
        ),
        (
            limits.by_code_point and utf16_length(content) > limits.text >= len(content),
            "text_may_be_too_long",
            f"{limits.name} may count emoji twice: then this text has {utf16_length(content)}; the limit "
            f"is {limits.text}.",
        ),
        (
            limits.hashtags is not None and HASHTAGS_ANNOUNCED < hashtags <= limits.hashtags,
            "hashtags_may_be_refused",
            f"{limits.name}'s reference allows {limits.hashtags} hashtags, yet it has announced a limit of "
            f"{HASHTAGS_ANNOUNCED}; this text has {hashtags}.",
        ),
        (a_video, "published_as_reel", "Instagram publishes a single video as a reel."),
        (
            platform == "linkedin" and kinds.count("image") > MULTI_IMAGE_BEFORE_2024,
            "media_may_be_refused",
            f"LinkedIn takes 20 images, but only {MULTI_IMAGE_BEFORE_2024} in versions of its API before 2024; "
            f"this post has {len(kinds)}. Ask your operator which one the workflow calls.",
        ),
    ]
    return [(code, message) for applies, code, message in found if applies]
