"""The limits of media files, and the first fault of a file."""

from typing import Any

import pytest

from app.domain.content.files import FILES, MIB, fault_of, file_limits
from app.domain.platforms import LIMITS
from app.domain.ports import FoundFile


def fault(platform: str, kind: str, post_type: str = "post", **found: Any) -> str | None:
    limits = file_limits(platform, post_type, kind)
    assert limits is not None
    values: dict[str, Any] = {"verdict": "fine", "status": 200}
    result = fault_of(LIMITS[platform].name, limits, kind, FoundFile(**values | found))
    assert result is None or result[1].endswith(".")
    return result[0] if result else None


@pytest.mark.parametrize(
    ("platform", "kind", "found", "expected"),
    [
        ("linkedin", "image", {"content_type": "image/png"}, None),
        ("linkedin", "image", {}, None),
        ("linkedin", "image", {"content_type": "application/octet-stream", "size": 5}, None),
        ("linkedin", "image", {"content_type": "image/webp"}, "media_type_wrong"),
        ("linkedin", "video", {"content_type": "text/html"}, "media_type_wrong"),
        ("linkedin", "image", {"width": 6_013, "height": 6_013}, "media_too_many_pixels"),
        ("linkedin", "video", {"content_type": "video/mp4", "size": 74_999}, "media_too_small"),
        ("linkedin", "image", {"size": 0}, "media_empty"),
        ("facebook", "image", {"size": 10 * MIB}, None),
        ("facebook", "image", {"size": 10 * MIB + 1}, "media_too_large"),
        ("instagram", "image", {"content_type": "image/png"}, "media_type_wrong"),
        ("instagram", "image", {"width": 1080, "height": 1350}, None),
        ("instagram", "image", {"width": 1080, "height": 1920}, "media_wrong_aspect"),
        ("instagram", "image", {"verdict": "gone", "status": 404}, "media_unreachable"),
        ("instagram", "image", {"verdict": "not_public", "status": None}, "media_url_not_public"),
        ("instagram", "image", {"verdict": "unknown", "status": 403}, "media_not_checked"),
    ],
)
def test_first_fault_of_a_file_is_named(platform: str, kind: str, found: dict[str, Any], expected: str | None):
    assert fault(platform, kind, **found) == expected


def test_story_has_limits_of_its_own():
    assert fault("instagram", "image", "story", width=1080, height=1920) is None
    assert fault("instagram", "video", "story", size=101 * MIB) == "media_too_large"
    assert fault("instagram", "video", "reel", size=101 * MIB) is None


def test_every_kind_of_file_that_a_platform_takes_has_limits():
    for platform, limits in LIMITS.items():
        for post_type, shape in limits.shapes.items():
            for kind in frozenset[str]().union(*(group.kinds for group in shape.groups)):
                assert file_limits(platform, post_type, kind) is not None, (platform, post_type, kind)
    assert set(FILES) == set(LIMITS)
