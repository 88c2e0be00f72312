"""Which media go together in one post: kinds, how many, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.content.addresses import BadUrl, check_url
from app.domain.errors import FieldError


@dataclass(frozen=True, slots=True)
class Group:
    """Media of these kinds may stand together, from `least` to `most` of them."""

    kinds: frozenset[str]
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Shape:
    """One type of post on one platform: its media are one of `groups`, or none where `text_alone`."""

    groups: tuple[Group, ...]
    text_alone: bool = False

    @property
    def most(self) -> int:
        return max(group.most for group in self.groups)


def group(kinds: str, least: int, most: int) -> Group:
    """`kinds` separated by spaces."""
    return Group(frozenset(kinds.split()), least, most)


def check_media(name: str, label: str, shape: Shape, kinds: Sequence[str]) -> list[FieldError]:
    """What this platform (`name`) refuses of media of these kinds in a post of this type (`label`)."""
    if not kinds:
        return [] if shape.text_alone else [_required(name, label, shape)]
    used = frozenset(kinds)
    fitting = [group for group in shape.groups if used <= group.kinds]
    if not fitting:
        return [_wrong_kinds(name, label, shape, used)]
    least, most, count = min(g.least for g in fitting), max(g.most for g in fitting), len(kinds)
    what = " and ".join(f"{kind}s" for kind in sorted(used))
    if count > most:
        message = f"{name} takes at most {most} {what} in a {label}; remove {count - most}."
        return [FieldError("media", "too_many_media", message, most, count)]
    if count < least:
        message = f"{name} needs at least {least} {what} in a {label}; add {least - count}."
        return [FieldError("media", "too_few_media", message, least, count)]
    return []


def _required(name: str, label: str, shape: Shape) -> FieldError:
    kinds = " or ".join(sorted(frozenset[str]().union(*(group.kinds for group in shape.groups))))
    least = min(group.least for group in shape.groups)
    message = f"{name} publishes no {label} without media; add {least} of: {kinds}."
    return FieldError("media", "media_required", message, least, 0)


def _wrong_kinds(name: str, label: str, shape: Shape, used: frozenset[str]) -> FieldError:
    unknown = used - frozenset[str]().union(*(group.kinds for group in shape.groups))
    if unknown:
        message = f"{name} takes no {' or '.join(sorted(unknown))} in a {label}; remove it."
        return FieldError("media", "media_kind_not_supported", message)
    message = f"{name} does not mix {' and '.join(sorted(used))} in a {label}; leave out all but one kind."
    return FieldError("media", "media_kinds_do_not_mix", message, 1, len(used))


def check_urls(
    media: Sequence[Mapping[str, str]], image_url: str | None, *, ascii_only: bool, allow_loopback: bool
) -> list[FieldError]:
    """Every URL that a platform could not, or should not, fetch."""
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
