"""Inspect media files for authors: a GET of the first bytes tells the type, the size and the pixels.

Invariant: at most HEAD_BYTES of a body are read, never decompressed. The threads are others than those of the check
before a post's instant, so authors never take them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.adapters.media_requests import GONE, MediaRequests, NotPublic
from app.adapters.pinned_address import Resolve, resolve
from app.domain.content.image_size import size_of, type_of
from app.domain.ports import FoundFile

if TYPE_CHECKING:
    from requests import Response

MAX_THREADS = 20  # per process
HEAD_BYTES = 128 * 1024  # a JPEG may have its size behind a preview and a colour profile
HEADERS = {"Range": f"bytes=0-{HEAD_BYTES - 1}", "Accept-Encoding": "identity"}
UNKNOWN = FoundFile("unknown")
_TOTAL = re.compile(r"bytes [0-9]{1,18}-[0-9]{1,18}/([0-9]{1,18})", re.ASCII)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,100}", re.ASCII)
OUT_OF_RANGE = 416  # the answer to a range of an empty file


class HttpMediaFiles(MediaRequests):
    """An implementation of ports.MediaFiles."""

    def __init__(self, *, allow_loopback: bool = False, resolve: Resolve = resolve) -> None:
        super().__init__(MAX_THREADS, allow_loopback=allow_loopback, resolve=resolve)

    def inspect(self, urls: Sequence[str], seconds: float) -> list[FoundFile]:
        """Return one file per URL, in order, within `seconds`. A URL without an answer in time is `unknown`."""
        return self.for_each(urls, seconds, self._inspect, UNKNOWN)

    def _inspect(self, url: str, deadline: float) -> FoundFile:
        try:
            return self.follow("GET", url, HEADERS, deadline, _read)
        except NotPublic:
            return FoundFile("not_public")
        except Exception:  # a broken name, server or URL
            return UNKNOWN


def _read(response: Response) -> FoundFile:
    status = response.status_code
    if status == OUT_OF_RANGE:
        return FoundFile("fine", status, size=0)
    if not 200 <= status < 300:
        return FoundFile("gone" if status in GONE else "unknown", status)
    head = _head(response)
    width, height = size_of(head) or (None, None)
    return FoundFile("fine", status, _content_type(response, head), _size(response), width, height)


def _head(response: Response) -> bytes:
    """Return the first bytes of the body, fewer or none where the host stops."""
    try:
        return bytes(response.raw.read(HEAD_BYTES, decode_content=False) or b"")
    except Exception:  # the time is over, or the connection broke
        return b""


def _content_type(response: Response, head: bytes) -> str | None:
    """Return the type that the bytes show, else the one of the header. Hosts often send a general type."""
    given = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return type_of(head) or (given if _TYPE.fullmatch(given) else None)


def _size(response: Response) -> int | None:
    """Return the size of the whole file. With a range it is behind the slash of Content-Range."""
    if response.status_code == 206:
        found = _TOTAL.fullmatch(response.headers.get("Content-Range", "").strip())
        return int(found[1]) if found else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None
