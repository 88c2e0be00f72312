"""What each platform takes: text lengths and media, checked when scheduling and on edit, not at the instant.

Sources: LinkedIn Posts API (commentary 3,000 characters); Instagram Graph API, media (caption 2,200 characters, media
required, carousel of at most 10); Facebook Graph API, page feed (63,206 characters). Lengths are counted in UTF-16
code units, as these platforms' web clients do, so that an emoji outside the basic plane counts two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import FieldError

PLATFORMS = ("linkedin", "instagram", "facebook")
POST_TYPES = ("post", "reel", "story", "video", "carousel")
MAX_CONTENT = 100_000  # characters any draft may hold, whatever its platform
MAX_MEDIA = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """`text` in UTF-16 code units; `media` is how many items one post may carry."""

    name: str
    text: int
    media: int
    media_required: bool
    refuses_duplicates: bool


LIMITS = {
    "linkedin": Limits("LinkedIn", 3_000, 20, media_required=False, refuses_duplicates=True),
    "instagram": Limits("Instagram", 2_200, 10, media_required=True, refuses_duplicates=False),
    "facebook": Limits("Facebook", 63_206, 10, media_required=False, refuses_duplicates=True),
}


def text_length(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_limits(platform: str, content: str, media: Sequence[object], image_url: str | None) -> list[FieldError]:
    """Everything this platform would refuse; empty when it would not."""
    limits = LIMITS[platform]
    errors = []
    length, count = text_length(content), len(media) or (1 if image_url else 0)
    if length > limits.text:
        message = f"{limits.name} takes at most {limits.text} characters; shorten the text by {length - limits.text}."
        errors.append(FieldError("content", "text_too_long", message, limits.text, length))
    if not content.strip() and not count:
        errors.append(FieldError("content", "content_required", "Write a text or add media before scheduling."))
    if count > limits.media:
        message = f"{limits.name} takes at most {limits.media} media; remove {count - limits.media}."
        errors.append(FieldError("media", "too_many_media", message, limits.media, count))
    if limits.media_required and not count:
        errors.append(
            FieldError(
                "media",
                "media_required",
                f"{limits.name} publishes nothing without media; add an image or a video.",
                1,
                0,
            )
        )
    return errors
