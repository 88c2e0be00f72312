"""Routes about platforms: their rules and limits, and a check of media files against them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from app.domain.content.files import FileLimits, file_limits
from app.domain.content.media import Shape
from app.domain.platforms import ANNOUNCED_HASHTAG_LIMIT, LIMITS, MAX_CONTENT, MAX_MEDIA, PLATFORMS, POST_TYPES, Limits
from app.posts.media_files import CheckedFile, check_files
from app.settings.values import Settings
from app.web.auth import deps, user_required
from app.web.blueprint import UserBlueprint
from app.web.fields import Answer, Camel, Text
from app.web.limits import MEDIA_CHECKS, limited_by
from app.web.schemas import media

UTF16, CODE_POINTS = "utf16", "codePoints"

blueprint = UserBlueprint("platforms", __name__, url_prefix="/api", description="Rules of the platforms")


class TextRules(Answer):
    """The limits of a text. `unit` says what counts as one: a UTF-16 code unit, or a code point."""

    limit = fields.Integer()
    unit = fields.String(validate=validate.OneOf((UTF16, CODE_POINTS)))
    max_hashtags = fields.Integer(allow_none=True)
    hashtags_warning = fields.Integer(allow_none=True)
    max_mentions = fields.Integer(allow_none=True)


class MediaGroup(Answer):
    """A combination that a post may have: `least` to `most` files of these kinds together."""

    kinds = fields.List(fields.String())
    least = fields.Integer()
    most = fields.Integer()


class FileRules(Answer):
    """The limits of one kind of file, null where the platform states none. An aspect is width by height."""

    kind = fields.String()
    content_types = fields.List(fields.String())
    max_bytes = fields.Integer(allow_none=True)
    min_bytes = fields.Integer(allow_none=True)
    max_pixels = fields.Integer(allow_none=True)
    min_aspect = fields.Float(allow_none=True)
    max_aspect = fields.Float(allow_none=True)


class PostTypeRules(Answer):
    name = fields.String()
    text_alone = fields.Boolean()
    shows_text = fields.Boolean()
    media = fields.List(fields.Nested(MediaGroup))
    files = fields.List(fields.Nested(FileRules))


class PreviewRules(Answer):
    """How a feed shows a text. Line breaks are kept, and a long text is folded after about so much of it."""

    fold_after = fields.Integer()
    fold_lines = fields.Integer()


class PlatformRules(Answer):
    """The rules of one platform. `duplicateGuardSeconds` is null where the platform may take a second copy at once."""

    name = fields.String()
    label = fields.String()
    text = fields.Nested(TextRules)
    ascii_urls = fields.Boolean()
    post_types = fields.List(fields.Nested(PostTypeRules))
    preview = fields.Nested(PreviewRules)
    duplicate_guard_seconds = fields.Integer(allow_none=True)
    daily_cap = fields.Integer(allow_none=True)
    spacing_seconds = fields.Float(allow_none=True)


class PlatformList(Answer):
    data = fields.List(fields.Nested(PlatformRules))
    max_content = fields.Integer()
    max_media = fields.Integer()
    max_schedule_days = fields.Float()
    checks_media = fields.Boolean()


class MediaCheckBody(Camel):
    platform = Text(required=True, validate=validate.OneOf(PLATFORMS))
    post_type = Text(load_default="post", validate=validate.OneOf(POST_TYPES))
    media = media(required=True)


class CheckedMedia(Answer):
    """One file. A field that the host does not tell is missing. `code` and `message` are there where it is refused."""

    SOMETIMES = ("content_type", "bytes", "width", "height", "code", "message")

    url = fields.String()
    ok = fields.Boolean()
    content_type = fields.String()
    bytes = fields.Integer()
    width = fields.Integer()
    height = fields.Integer()
    code = fields.String()
    message = fields.String()


class MediaCheckAnswer(Answer):
    data = fields.List(fields.Nested(CheckedMedia))


@blueprint.route("/platforms")
@user_required
@blueprint.operation("listPlatforms")
@blueprint.response(200, PlatformList)
def platforms() -> dict[str, Any]:
    """List the platforms with their rules: text, types of post, media, preview, duplicates and pace.

    Scheduling checks the same rules. A daily cap and a spacing are those of this installation, for each account.
    """
    settings = deps().settings
    return {
        "data": [_platform(name, limits, settings) for name, limits in LIMITS.items()],
        "max_content": MAX_CONTENT,
        "max_media": MAX_MEDIA,
        "max_schedule_days": settings.max_schedule_days,
        "checks_media": deps().media_files is not None,
    }


@blueprint.route("/media/check", methods=["POST"])
@user_required
@limited_by(MEDIA_CHECKS)
@blueprint.operation("checkMedia", "422 post_type_not_supported")
@blueprint.arguments(MediaCheckBody)
@blueprint.response(200, MediaCheckAnswer)
def check_media(body: dict[str, Any]) -> dict[str, Any]:
    """Look at media files before a post is scheduled: type, bytes and pixels against the platform's limits.

    Each file is asked for its first bytes, and only at a public address. How many files of which kinds a post may have
    is in the rules of its platform. A file whose host tells nothing wrong is ok, even where it tells nothing.
    """
    return {"data": [_checked(one) for one in check_files(deps(), body["platform"], body["post_type"], body["media"])]}


def _platform(name: str, limits: Limits, settings: Settings) -> dict[str, Any]:
    guard = limits.duplicate_guard
    return {
        "name": name,
        "label": limits.name,
        "text": {
            "limit": limits.text,
            "unit": CODE_POINTS if limits.by_code_point else UTF16,
            "max_hashtags": limits.hashtags,
            "hashtags_warning": None if limits.hashtags is None else ANNOUNCED_HASHTAG_LIMIT,
            "max_mentions": limits.mentions,
        },
        "ascii_urls": limits.ascii_urls,
        "post_types": [_post_type(name, post_type, shape) for post_type, shape in limits.shapes.items()],
        "preview": {"fold_after": limits.fold_after, "fold_lines": limits.fold_lines},
        "duplicate_guard_seconds": None if guard is None else int(guard.total_seconds()),
        "daily_cap": settings.account_daily_cap,
        "spacing_seconds": settings.account_spacing_seconds,
    }


def _post_type(platform: str, name: str, shape: Shape) -> dict[str, Any]:
    kinds = sorted(frozenset[str]().union(*(group.kinds for group in shape.groups)))
    found = [(kind, file_limits(platform, name, kind)) for kind in kinds]
    return {
        "name": name,
        "text_alone": shape.text_alone,
        "shows_text": name != "story",
        "media": [{"kinds": sorted(g.kinds), "least": g.least, "most": g.most} for g in shape.groups],
        "files": [_file_rules(kind, limits) for kind, limits in found if limits is not None],
    }


def _file_rules(kind: str, limits: FileLimits) -> dict[str, Any]:
    narrow, wide = limits.aspect or (None, None)
    return {
        "kind": kind,
        "content_types": limits.content_types,
        "max_bytes": limits.max_bytes,
        "min_bytes": limits.min_bytes,
        "max_pixels": limits.max_pixels,
        "min_aspect": narrow,
        "max_aspect": wide,
    }


def _checked(one: CheckedFile) -> dict[str, Any]:
    view: dict[str, Any] = {"url": one.url, "ok": one.code is None, "code": one.code, "message": one.message}
    if one.found is not None:
        found = one.found
        view |= {"content_type": found.content_type, "bytes": found.size, "width": found.width, "height": found.height}
    return {name: value for name, value in view.items() if value is not None}
