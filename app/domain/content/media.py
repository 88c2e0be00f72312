"""Rules for the media of one post: kinds, numbers and URLs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.content.addresses import BadUrl, check_url
from app.domain.errors import FieldError


@dataclass(frozen=True, slots=True)
class Group:
    """A combination of media: `least` to `most` items of these kinds together."""

    kinds: frozenset[str]
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Shape:
    """The media of one type of post on one platform: one of `groups`, or none where `text_alone`."""

    groups: tuple[Group, ...]
    text_alone: bool = False

    @property
    def most(self) -> int:
        return max(group.most for group in self.groups)


def group(kinds: str, least: int, most: int) -> Group:
    """Build a Group. `kinds` are separated by spaces."""
    return Group(frozenset(kinds.split()), least, most)


def check_media(name: str, label: str, shape: Shape, kinds: Sequence[str]) -> list[FieldError]:
    """Check media of these kinds against the shape of a post. Returns an empty list if they fit.

    `name` is the platform's name and `label` the type of post, for the messages.
    """
    if not kinds:
        return [] if shape.text_alone else [_required(name, label, shape)]
    used = frozenset(kinds)
    fitting = [group for group in shape.groups if used <= group.kinds]
    if not fitting:
        return [_wrong_kinds(name, label, shape, used)]
    least, most, count = min(g.least for g in fitting), max(g.most for g in fitting), len(kinds)
    plural = " and ".join(f"{kind}s" for kind in sorted(used))
    if count > most:
        message = f"{name} takes at most {most} {plural} in a {label}. Remove {count - most}."
        return [FieldError("media", "too_many_media", message, most, count)]
    if count < least:
        message = f"{name} needs at least {least} {plural} in a {label}. Add {least - count}."
        return [FieldError("media", "too_few_media", message, least, count)]
    return []


def _required(name: str, label: str, shape: Shape) -> FieldError:
    kinds = " or ".join(sorted(frozenset[str]().union(*(group.kinds for group in shape.groups))))
    least = min(group.least for group in shape.groups)
    message = f"{name} publishes no {label} without media. Add {least} of: {kinds}."
    return FieldError("media", "media_required", message, least, 0)


def _wrong_kinds(name: str, label: str, shape: Shape, used: frozenset[str]) -> FieldError:
    unknown = used - frozenset[str]().union(*(group.kinds for group in shape.groups))
    if unknown:
        message = f"{name} takes no {' or '.join(sorted(unknown))} in a {label}. Remove it."
        return FieldError("media", "media_kind_not_supported", message)
    message = f"{name} does not mix {' and '.join(sorted(used))} in a {label}. Keep only one kind."
    return FieldError("media", "media_kinds_do_not_mix", message, 1, len(used))


def check_urls(
    media: Sequence[Mapping[str, str]], image_url: str | None, *, ascii_only: bool, allow_loopback: bool
) -> list[FieldError]:
    """Check the URLs of the media. Returns an error for each URL that a platform cannot or must not fetch."""
    named = [(f"media.{at}.url", item["url"]) for at, item in enumerate(media)]
    errors = []
    for field, url in named + ([("imageUrl", image_url)] if image_url else []):
        try:
            check_url(url, allow_loopback=allow_loopback)
        except BadUrl as bad:
            errors.append(FieldError(field, bad.code, str(bad)))
            continue
        if ascii_only and not url.isascii():
            message = "Write the URL in plain ASCII: percent-encode the other characters."
            errors.append(FieldError(field, "media_url_not_ascii", message))
    return errors
