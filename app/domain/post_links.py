"""Read a link to a post on its platform, or the post's id there.

Invariant: a link that passes is on the platform's own host, and its stored form is built here. No network call is made.
Sources, as read in 2026: the addresses that the platforms' own "copy link" buttons give. LinkedIn's carry the URN.
Instagram's carry a short code, and many of Facebook's a `pfbid`. Neither is the id of the platform's API, so the id of
such a post stays unknown until a report brings it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlencode, urlsplit

from app.domain.errors import Invalid, invalid_field
from app.domain.platforms import LIMITS, POST_IDS, external_url, is_post_id

HOSTS = {
    "linkedin": ("linkedin.com",),
    "facebook": ("facebook.com", "fb.com", "fb.watch"),
    "instagram": ("instagram.com",),
}
PORTS = (None, 80, 443)
ID_FORMS = {
    "linkedin": "LinkedIn's ids are URNs, such as urn:li:share:7123456789012345678.",
    "facebook": "Facebook's ids are numbers, such as 1234567890_9876543210.",
    "instagram": "Instagram's ids are numbers, such as 17895695668004550.",
}
_URN_PATH = re.compile(r"/(?:embed/)?feed/update/(?P<urn>urn:li:[^/]+)/?")
_SLUG_PATH = re.compile(r"/posts/[^/]*?-(?P<kind>share|ugcPost|activity)-(?P<number>\d{10,24})(?:-[A-Za-z0-9_-]*)?/?")
_CODE_PATH = re.compile(r"/(?:[A-Za-z0-9._]{1,60}/)?(?P<kind>p|reel|reels|tv)/(?P<code>[A-Za-z0-9_-]{5,60})/?")
_STORY_PATH = re.compile(r"/stories/(?P<user>[A-Za-z0-9._]{1,60})/(?P<id>[1-9]\d{0,39})/?", re.ASCII)
_NUMBER = re.compile(r"[1-9]\d{0,39}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9._-]{1,255}")
#: The parts of a Facebook path before the id of a post. A page's name or number may come first.
_FACEBOOK_KINDS = frozenset({"posts", "videos", "photos", "permalink", "reel", "share", "stories"})
_FACEBOOK_PAGES = {"permalink.php": "story_fbid", "story.php": "story_fbid", "photo": "fbid", "photo.php": "fbid"}
_FACEBOOK_PAGES |= {"watch": "v", "video.php": "v"}


@dataclass(frozen=True, slots=True)
class PostLink:
    """A post on its platform. `external_id` is None where the link does not tell it, `url` where the id does not."""

    external_id: str | None
    url: str | None


def read_post_id(platform: str, external_id: str) -> PostLink:
    """Read the id of a post on its platform.

    Raises: Invalid for an id in another form.
    """
    if is_post_id(platform, external_id):
        return PostLink(external_id, external_url(platform, external_id))
    code = "other_platform" if any(is_post_id(other, external_id) for other in POST_IDS) else "invalid_post_id"
    raise invalid_field("externalPostId", code, ID_FORMS[platform])


def read_link(platform: str, url: str) -> PostLink:
    """Read the link to a post on its platform.

    Raises: Invalid for a link to another site, and for one to something else than a post.
    """
    parts = urlsplit(url)
    host, name = (parts.hostname or "").removesuffix("."), LIMITS[platform].name
    if parts.username is not None or parts.port not in PORTS or not _is_of(platform, host):
        message = f"The post is for {name}, and this is no link to {name}."
        raise invalid_field("url", "other_platform", message)
    found = _READERS[platform](parts, host)
    if found is None:
        raise _no_post(name)
    return found


def _no_post(name: str) -> Invalid:
    message = f"This link to {name} names no post. Open the post, and copy its own address."
    return invalid_field("url", "link_of_no_post", message)


def _is_of(platform: str, host: str) -> bool:
    return any(host == own or host.endswith(f".{own}") for own in HOSTS[platform])


def _read_linkedin(parts: SplitResult, _host: str) -> PostLink | None:
    path = unquote(parts.path)
    if match := _URN_PATH.fullmatch(path):
        urn = match["urn"]
    elif match := _SLUG_PATH.fullmatch(path):
        urn = f"urn:li:{match['kind']}:{match['number']}"
    else:
        return None
    return PostLink(urn, external_url("linkedin", urn)) if is_post_id("linkedin", urn) else None


def _read_instagram(parts: SplitResult, _host: str) -> PostLink | None:
    if match := _CODE_PATH.fullmatch(parts.path):
        kind = "reel" if match["kind"] == "reels" else match["kind"]
        return PostLink(None, f"https://www.instagram.com/{kind}/{match['code']}/")
    if match := _STORY_PATH.fullmatch(parts.path):
        return PostLink(None, f"https://www.instagram.com/stories/{match['user']}/{match['id']}/")
    return None


def _read_facebook(parts: SplitResult, host: str) -> PostLink | None:
    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    if not segments:
        return None
    if _is_of("facebook", host) and host.endswith("fb.watch"):
        return PostLink(None, f"https://fb.watch/{segments[0]}/") if _WORD.fullmatch(segments[0]) else None
    if segments[-1] in _FACEBOOK_PAGES:
        return _read_facebook_query(segments[-1], parts.query)
    if is_post_id("facebook", segments[-1]) and len(segments) == 1 and "_" in segments[-1]:
        return PostLink(segments[-1], f"https://www.facebook.com/{segments[-1]}")
    if not _FACEBOOK_KINDS & set(segments[:-1]) or not _WORD.fullmatch(segments[-1]):
        return None
    kept = [segment for segment in segments if _WORD.fullmatch(segment)]  # a slug of the text is left out
    page = segments[0] if _NUMBER.fullmatch(segments[0]) else None
    return PostLink(_facebook_id(page, segments[-1]), f"https://www.facebook.com/{'/'.join(kept)}")


def _read_facebook_query(page: str, query: str) -> PostLink | None:
    """Read a link whose query names the post, and its page in `id`."""
    given = {name: values[0] for name, values in parse_qs(query, max_num_fields=50).items()}
    name = _FACEBOOK_PAGES[page]
    kept = {key: given[key] for key in (name, "id") if _WORD.fullmatch(given.get(key, ""))}
    if name not in kept:
        return None
    return PostLink(_facebook_id(kept.get("id"), kept[name]), f"https://www.facebook.com/{page}?{urlencode(kept)}")


def _facebook_id(page: str | None, post: str) -> str | None:
    """Return the id of the API, with the page where the link has its number. None for a `pfbid` or a share code."""
    if not _NUMBER.fullmatch(post):
        return None
    return f"{page}_{post}" if page is not None and _NUMBER.fullmatch(page) else post


_READERS = {"linkedin": _read_linkedin, "facebook": _read_facebook, "instagram": _read_instagram}
