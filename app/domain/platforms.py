"""The limits of each platform: types of post, text, media. `content.rules` checks them on schedule and on edit.

A limit in the platform's own documents is an error. It is only a warning where these documents contradict each other or
the platform's announcements, or where the platform drops text without refusing the post. Sources, as read in 2026:

- Microsoft Learn, "Posts API": commentary of at most 3,000 characters. The content is text alone, one image, video or
  document, or a MultiImage. "MultiImage API": 2 to 20 images and nothing else. For older versions the same page says 9.
  "Carousel Ads": carousels of cards are for sponsored posts alone, so an author's carousel is a MultiImage or a
  document. LinkedIn gave up Stories in September 2021 and has no reels.
- Meta, "Instagram Platform, IG User Media": caption of at most 2,200 characters, 30 hashtags and 20 @ tags. Media are
  always required. URLs are in US ASCII. `VIDEO` is gone since November 2023, and a video in the feed is a reel.
  "Content Publishing": a carousel has up to 10 images and videos. "Error Codes", 2207028: it needs at least 2.
  Instagram's @creators account, December 2025: captions may hold 5 hashtags. The reference does not mention it.
- Meta, "Pages API": a text alone, photos, or a video. "Reels Publishing": one video. "Stories API": one photo or video,
  and no text beside it. Meta states no number of photos or characters. 63,206 characters and 10 photos are in the
  documents of schedulers built on the API (Upload-Post, PostSyncer).

- Duplicates. Microsoft Learn, "UGC Post API": a duplicate within 10 minutes is refused with 422 and the original's URN.
  Meta, "Handling Errors", code 506: consecutive duplicates only. Copies after HTTP 500 answers are on record (koala
  #699). Instagram documents no check.

- Folds. No platform documents where its feed folds a text. These are numbers that previews of schedulers agree on.

Lengths are in UTF-16 code units where the platform's client counts so (LinkedIn, Facebook). Instagram names no unit:
too many code points are an error, too many UTF-16 code units only a warning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.domain.content.media import Shape, group

PLATFORMS = ("linkedin", "instagram", "facebook")
POST_TYPES = ("post", "reel", "story", "video", "carousel")
MAX_CONTENT = 100_000  # characters of a draft for any platform
MAX_MEDIA = 20
OLDER_MULTI_IMAGE_LIMIT = 9  # images, in older versions of LinkedIn's API
#: LinkedIn documents 10 minutes (ugcPosts). The last minute is left to the workflow's own delay.
LINKEDIN_DUPLICATE_GUARD = timedelta(minutes=9)
ANNOUNCED_HASHTAG_LIMIT = 5  # announced by Instagram in December 2025. Its reference says 30.

_ONE_VIDEO = Shape((group("video", 1, 1),))
_ONE_OF_EITHER = Shape((group("image video", 1, 1),))


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one platform.

    `text` is in UTF-16 code units, or in code points where `by_code_point`. `hashtags` and `mentions` are None where
    the platform has no limit. `fold_after` and `fold_lines` are about how much of a text its feed shows at first, in
    characters and lines. `duplicate_guard` is how long the platform refuses a second copy of a post, less a
    margin. None means that it may take one at once. `shapes` has one entry for each type of post of this platform.
    """

    name: str
    text: int
    shapes: Mapping[str, Shape]
    duplicate_guard: timedelta | None
    fold_after: int
    fold_lines: int
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
        duplicate_guard=LINKEDIN_DUPLICATE_GUARD,
        fold_after=210,
        fold_lines=3,
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
        duplicate_guard=None,
        fold_after=125,
        fold_lines=2,
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
        duplicate_guard=None,
        fold_after=480,
        fold_lines=5,
    ),
}


_META_ID = r"[1-9][0-9]{0,39}"
POST_IDS = {
    "linkedin": re.compile(r"urn:li:(?:share|ugcPost|activity|post):[A-Za-z0-9_-]{1,200}"),
    "facebook": re.compile(rf"{_META_ID}(?:_{_META_ID})?"),
    "instagram": re.compile(rf"{_META_ID}(?:_{_META_ID})?"),
}
_ACCOUNT_IDS = {
    "linkedin": re.compile(r"urn:li:(?:person|organization|organizationBrand|member|company):[A-Za-z0-9_-]{1,200}"),
    "facebook": re.compile(_META_ID),
    "instagram": re.compile(_META_ID),
}
_ACCOUNT_ID_FORMS = {
    "linkedin": "Send LinkedIn's URN, such as urn:li:person:… or urn:li:organization:….",
    "facebook": "Send the number of the Page, digits only.",
    "instagram": "Send the number of the professional account, digits only.",
}


def is_post_id(platform: str | None, external_id: str | None) -> bool:
    """Return True if `external_id` has the form of a post's id on `platform`."""
    form = POST_IDS.get(platform or "")
    return form is not None and external_id is not None and form.fullmatch(external_id) is not None


def account_id_problem(platform: str, external_id: str) -> str | None:
    """Return what to send in place of an account's id in a wrong form, None for a right one."""
    return None if _ACCOUNT_IDS[platform].fullmatch(external_id) else _ACCOUNT_ID_FORMS[platform]


def external_url(platform: str | None, external_id: str | None) -> str | None:
    """Return the public address of a published post, None where the id does not tell (LinkedIn's feed takes a URN).

    An id is what a workflow reported. One in another form never becomes a part of a link.
    """
    if platform == "linkedin" and is_post_id(platform, external_id):
        return f"https://www.linkedin.com/feed/update/{external_id}/"
    return None
