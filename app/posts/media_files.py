"""Look at the media of a post that an author writes, before it is scheduled.

Invariant: a URL that fails the rules for media is never requested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.deps import Deps
from app.domain.content.addresses import BadUrl, check_url
from app.domain.content.files import fault_of, file_limits
from app.domain.errors import NotConfigured, invalid_field
from app.domain.platforms import LIMITS
from app.domain.ports import FoundFile
from app.log import emit

SLOWER = 2  # an author waits longer than a due post: this many times MEDIA_CHECK_SECONDS


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """One item of media. `code` and `message` are None for a good file, and `found` where it was not requested."""

    url: str
    found: FoundFile | None
    code: str | None = None
    message: str | None = None


def check_files(deps: Deps, platform: str, post_type: str, media: Sequence[Mapping[str, str]]) -> list[CheckedFile]:
    """Check each file against the limits of the platform, in order.

    Raises: NotConfigured where files are not checked. Invalid where the platform has no such type of post.
    """
    if deps.media_files is None:
        emit("not_configured", setting="MEDIA_CHECK_SECONDS")
        raise NotConfigured("not_configured", "This installation does not check media. Ask its operator.")
    limits = LIMITS[platform]
    if post_type not in limits.shapes:
        message = f"{limits.name} has no {post_type}. Send one of: {', '.join(limits.shapes)}."
        raise invalid_field("postType", "post_type_not_supported", message)
    refused = [_refusal(platform, post_type, item, deps.settings.local) for item in media]
    wanted = list(dict.fromkeys(item["url"] for item, fault in zip(media, refused, strict=True) if fault is None))
    found = dict(zip(wanted, _inspect(deps, wanted), strict=True))
    return [
        CheckedFile(item["url"], None, *fault)
        if fault is not None
        else _judged(platform, post_type, item, found[item["url"]])
        for item, fault in zip(media, refused, strict=True)
    ]


def _inspect(deps: Deps, urls: Sequence[str]) -> list[FoundFile]:
    if deps.media_files is None or not urls:
        return []
    return deps.media_files.inspect(urls, SLOWER * deps.settings.media_check_seconds)


def _refusal(platform: str, post_type: str, item: Mapping[str, str], local: bool) -> tuple[str, str] | None:
    """Return the code and the sentence of an item that is not requested."""
    limits, url, kind = LIMITS[platform], item["url"], item["type"]
    if file_limits(platform, post_type, kind) is None:
        return "media_kind_not_supported", f"{limits.name} takes no {kind}. Remove it."
    try:
        check_url(url, allow_loopback=local)
    except BadUrl as bad:
        return bad.code, str(bad)
    if limits.ascii_urls and not url.isascii():
        return "media_url_not_ascii", "Write the URL in plain ASCII: percent-encode the other characters."
    return None


def _judged(platform: str, post_type: str, item: Mapping[str, str], found: FoundFile) -> CheckedFile:
    files = file_limits(platform, post_type, item["type"])
    fault = fault_of(LIMITS[platform].name, files, item["type"], found) if files is not None else None
    return CheckedFile(item["url"], found, *(fault or (None, None)))
