"""What each platform takes: types of post, text, media. `content.rules` checks it when scheduling and on edit.

A limit that the platform's own documents state is an error; where these documents disagree with each other or with what
the platform announces, or where text would be dropped and not refused, it is a warning. Sources, as read in 2026:

- Microsoft Learn, "Posts API": commentary of at most 3,000 characters; content is text alone, one image, video or
  document, or a MultiImage. "MultiImage API": 2 to 20 images and nothing else; for older versions the same page says 9.
  "Carousel Ads": carousels of cards are for sponsored posts alone, so that an author's carousel is a MultiImage or a
  document. LinkedIn Stories were given up in September 2021; reels it has none.
- Meta, "Instagram Platform, IG User Media": caption of at most 2,200 characters, 30 hashtags and 20 @ tags; media
  always required; URLs in US ASCII; `VIDEO` is gone since November 2023 and a video in the feed is a reel. "Content
  Publishing": a carousel has up to 10 images and videos; "Error Codes", 2207028: it needs at least 2. Instagram's
  @creators account, December 2025: captions may hold 5 hashtags, which the reference does not mention.
- Meta, "Pages API": a text alone, photos, or a video; "Reels Publishing" and "Stories API": one video; one photo or
  video, and no text beside it. Meta states no number of photos or characters:
  63,206 characters and 10 photos are what schedulers built on the API document (Upload-Post, PostSyncer).

Lengths are UTF-16 code units where the platform's client counts so (LinkedIn, Facebook). Instagram names no unit: code
points beyond the limit are an error, UTF-16 code units beyond it a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.content.media import Shape, group

PLATFORMS = ("linkedin", "instagram", "facebook")
POST_TYPES = ("post", "reel", "story", "video", "carousel")
MAX_CONTENT = 100_000  # characters any draft may hold, whatever its platform
MAX_MEDIA = 20
MULTI_IMAGE_OLDER = 9  # images, in older versions of LinkedIn's API
HASHTAGS_ANNOUNCED = 5  # by Instagram in December 2025, where its reference says 30

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
