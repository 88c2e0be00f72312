"""Types of files and sizes of images, from their first bytes."""

import struct

import pytest

from app.domain.content.image_size import size_of, type_of

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\x0dIHDR" + struct.pack(">II", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 640, 480)
FRAME = struct.pack(">HBHH", 17, 8, 480, 640)
JPEG = b"\xff\xd8" + b"\xff\xe1" + struct.pack(">H", 102) + b"\xff" * 100 + b"\xff\xff\xc2" + FRAME
VP8X = b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<II", 10, 0) + b"\x7f\x02\0\xdf\x01\0"
VP8L = b"RIFF\0\0\0\0WEBPVP8L" + struct.pack("<IB", 10, 0x2F) + struct.pack("<I", 639 | 479 << 14)
VP8 = b"RIFF\0\0\0\0WEBPVP8 " + struct.pack("<I", 10) + b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 640, 480)
IMAGES = {"png": PNG, "gif": GIF, "jpeg": JPEG, "vp8x": VP8X, "vp8l": VP8L, "vp8": VP8}


@pytest.mark.parametrize("name", IMAGES)
def test_size_is_read_from_the_head_of_each_format(name: str):
    assert size_of(IMAGES[name]) == (640, 480)


@pytest.mark.parametrize("name", IMAGES)
def test_a_cut_or_changed_head_never_raises(name: str):
    head = IMAGES[name]
    for end in range(len(head)):
        assert size_of(head[:end]) in (None, (640, 480)), end
        size_of(head[:end] + b"\xff" * 9)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"%PDF-1.7", "application/pdf"),
        (b"<!doctype html>", None),
        (b"", None),
    ],
)
def test_type_is_read_from_the_signature(head: bytes, expected: str | None):
    assert type_of(head) == expected
