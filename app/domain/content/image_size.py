"""Read the type of a file, and the size of an image, from its first bytes. Standard library only.

Sources: the PNG specification (IHDR), GIF89a (logical screen), ITU T.81 (JPEG frame headers), RFC 9649 (WebP), ISO
14496-12 (`ftyp`), TIFF 6.0, ISO 32000 (PDF).
Invariant: the work is bounded by the number of bytes, and no input raises.
"""

from __future__ import annotations

import struct

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG: these three markers are tables
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # JPEG: markers without a length
_BRANDS = {b"qt  ": "video/quicktime", b"avif": "image/avif"} | dict.fromkeys((b"heic", b"heix", b"mif1"), "image/heic")
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
)


def type_of(head: bytes) -> str | None:
    """Return the content type that the first bytes of a file show, None for an unknown one."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    return next((name for mark, name in _SIGNATURES if head.startswith(mark)), None)


def size_of(head: bytes) -> tuple[int, int] | None:
    """Return the width and height of an image in pixels, None where the bytes do not tell."""
    try:
        match type_of(head):
            case "image/png":
                return struct.unpack_from(">II", head, 16)
            case "image/gif":
                return struct.unpack_from("<HH", head, 6)
            case "image/jpeg":
                return _size_of_jpeg(head)
            case "image/webp":
                return _size_of_webp(head)
    except struct.error:  # the head ends too early
        pass
    return None


def _size_of_jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 4 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        else:
            at += 2 + max(2, struct.unpack_from(">H", head, at + 2)[0])
    return None


def _size_of_webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", head, 24)
        return low_width + (high_width << 16) + 1, low_height + (high_height << 16) + 1
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", head, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
