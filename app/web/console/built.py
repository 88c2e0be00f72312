"""The built files of the console: their manifest, and the answers with them.

Invariant: only names of the manifest are opened, so no path of a request reaches the disk.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from app.log import emit

DIST = Path(__file__).parent / "dist"
MANIFEST = "manifest.json"
TYPES = {"script": ("js", "text/javascript"), "style": ("css", "text/css")}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """The file names of one page."""

    script: str
    style: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The pages by their names, and the type of each file."""

    entries: dict[str, Entry]
    files: dict[str, str]


class Built:
    """A folder of built files. A later build is noticed, so the local stack needs no restart."""

    def __init__(self, folder: Path = DIST) -> None:
        self.folder = folder
        self._seen: tuple[tuple[int, int], Manifest | None] | None = None

    def manifest(self) -> Manifest | None:
        """Return the manifest, None without a whole build."""
        try:
            found = (self.folder / MANIFEST).stat()
        except OSError:
            return None
        state = (found.st_mtime_ns, found.st_size)
        if self._seen is None or self._seen[0] != state:
            self._seen = (state, self._read())
        return self._seen[1]

    def _read(self) -> Manifest | None:
        try:
            text = (self.folder / MANIFEST).read_text()
            return read_manifest(text, self.folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            emit("console.build_unreadable", error=str(error)[:200])
            return None

    def read(self, name: str, *, gzipped: bool) -> tuple[bytes, str] | None:
        """Return the bytes and the type of a file.

        None for a name that is not in the manifest, or whose file is gone.
        """
        manifest = self.manifest()
        kind = manifest.files.get(name) if manifest is not None else None
        if kind is None:
            return None
        try:
            return (self.folder / (f"{name}.gz" if gzipped else name)).read_bytes(), kind
        except OSError:  # a later build has just removed it
            return None


def read_manifest(text: str, folder: Path) -> Manifest:
    """Read a manifest whose files are all in `folder`.

    Raises: ValueError for a bad name or a missing file, and other exceptions for another form.
    """
    entries, files = {}, {}
    for page, parts in json.loads(text).items():
        for part, (suffix, kind) in TYPES.items():
            name = parts[part]
            if not _NAME.fullmatch(name) or not name.endswith(f".{suffix}"):
                raise ValueError(f"{name!r} is no name of a built {part}")
            if not all((folder / each).is_file() for each in (name, f"{name}.gz")):
                raise ValueError(f"{name} is not in the build, or not its .gz")
            files[name] = kind
        entries[page] = Entry(parts["script"], parts["style"])
    return Manifest(entries, files)


def etag_of(page: bytes) -> str:
    return hashlib.sha256(page).hexdigest()[:32]
