"""The limits of media files by platform: formats, bytes and pixels. They are checked while an author writes.

Sources, as read in 2026: Microsoft Learn, "Images API" (36,152,320 pixels), "Videos API" (75 KB to 500 MB) and
"Documents API" (100 MB). Meta, "Page Photos" (10 MB), "IG User Media" (JPEG of 8 MB and 4:5 to 1.91:1,
videos of 300 MB, and of 100 MB in a story). Meta states no bytes for the videos of a Page.
Units are binary: a platform that counts decimal ones is stricter, and its own answer says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.ports import FoundFile

KIB, MIB = 1024, 1024 * 1024
_TOLERANCE = 0.01  # of an aspect ratio: pixels are whole numbers
_NAMES = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "video/mp4": "MP4",
    "video/quicktime": "MOV",
    "image/webp": "WebP",
    "image/heic": "HEIC",
    "image/avif": "AVIF",
    "application/pdf": "PDF",
    "application/msword": "DOC",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "DOCX",
    "application/vnd.ms-powerpoint": "PPT",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PPTX",
}


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The limits of one kind of file. None where the platform states none. `aspect` is width by height."""

    content_types: tuple[str, ...]
    max_bytes: int | None = None
    min_bytes: int | None = None
    max_pixels: int | None = None
    aspect: tuple[float, float] | None = None


_DOCUMENTS = tuple(name for name in _NAMES if name.startswith("application/"))
_MOVIES = ("video/mp4", "video/quicktime")
_INSTAGRAM_FEED = FileLimits(("image/jpeg",), 8 * MIB, aspect=(0.8, 1.91))
FILES: Mapping[str, Mapping[str, FileLimits]] = {
    "linkedin": {
        "image": FileLimits(("image/jpeg", "image/png", "image/gif"), max_pixels=36_152_319),
        "video": FileLimits(("video/mp4",), 500 * MIB, 75_000),
        "document": FileLimits(_DOCUMENTS, 100 * MIB),
    },
    "facebook": {
        "image": FileLimits(("image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff"), 10 * MIB),
        "video": FileLimits(_MOVIES),
    },
    "instagram": {
        "image": _INSTAGRAM_FEED,
        "video": FileLimits(_MOVIES, 300 * MIB),
    },
}
#: Of a type of post whose files have other limits than the platform's posts.
_OF_TYPE: Mapping[tuple[str, str], Mapping[str, FileLimits]] = {
    ("instagram", "story"): {
        "image": FileLimits(("image/jpeg",), 8 * MIB),
        "video": FileLimits(_MOVIES, 100 * MIB),
    },
}
FAULTS = {
    "gone": ("media_unreachable", "The host has no such file. Check that its address opens in a private window."),
    "not_public": ("media_url_not_public", "Platforms cannot reach this host. Put the file on a public one."),
    "unknown": ("media_not_checked", "The host gave no file in time. Check that it opens in a private window."),
}


def file_limits(platform: str, post_type: str, kind: str) -> FileLimits | None:
    """Return the limits of this kind of file, None where the platform takes none of the kind."""
    return (_OF_TYPE.get((platform, post_type)) or FILES[platform]).get(kind)


def fault_of(name: str, limits: FileLimits, kind: str, found: FoundFile) -> tuple[str, str] | None:
    """Return the code and the sentence of the first fault of a file, None for a good one.

    `name` is the platform's name, for the sentence.
    """
    if found.verdict != "fine":
        code, message = FAULTS[found.verdict]
        if found.verdict == "unknown" and found.status is not None:
            message = f"The host answers {found.status}. Check that the file opens in a private window."
        return code, message
    size_fault = _size_fault(name, limits, found)
    return _type_fault(name, limits, kind, found) or size_fault or _shape_fault(name, limits, found)


def _type_fault(name: str, limits: FileLimits, kind: str, found: FoundFile) -> tuple[str, str] | None:
    given = found.content_type
    if given in (None, "application/octet-stream", "binary/octet-stream", *limits.content_types):
        return None  # a host without knowledge of its files is no fault
    if given == "text/html":
        return "media_type_wrong", "This address shows a web page, not a file. Copy the address of the file itself."
    formats = ", ".join(dict.fromkeys(_NAMES[one] for one in limits.content_types))
    return "media_type_wrong", f"{name} takes {formats} as {kind}, and this is {_NAMES.get(str(given), given)}."


def _size_fault(name: str, limits: FileLimits, found: FoundFile) -> tuple[str, str] | None:
    size = found.size
    if size is None:
        return None
    if size == 0:
        return "media_empty", "This file is empty. Upload it again."
    if limits.max_bytes is not None and size > limits.max_bytes:
        bound = f"at most {_readable(limits.max_bytes)}"
        return "media_too_large", f"{name} takes {bound}, and this file has {_readable(size)}."
    if limits.min_bytes is not None and size < limits.min_bytes:
        bound = f"at least {_readable(limits.min_bytes)}"
        return "media_too_small", f"{name} takes {bound}, and this file has {_readable(size)}."
    return None


def _shape_fault(name: str, limits: FileLimits, found: FoundFile) -> tuple[str, str] | None:
    if not found.width or not found.height:
        return None
    if limits.max_pixels is not None and found.width * found.height > limits.max_pixels:
        most, has = f"{limits.max_pixels:,}", f"{found.width * found.height:,}"
        return "media_too_many_pixels", f"{name} takes at most {most} pixels, and this image has {has}."
    if limits.aspect is not None:
        narrow, wide = limits.aspect
        if not narrow - _TOLERANCE <= found.width / found.height <= wide + _TOLERANCE:
            shape = f"{found.width} × {found.height}"
            return "media_wrong_aspect", f"{name} takes images from 4:5 to 1.91:1, and this one has {shape}. Crop it."
    return None


def _readable(size: int) -> str:
    return f"{size / MIB:.1f} MB".replace(".0 MB", " MB") if size >= MIB else f"{max(1, size // KIB)} KB"
