"""The file of a SQLite database, for its owner alone: it holds posts and tokens.

Invariant: SQLite gives its -wal, -shm and -journal files the mode of the database's file, so that one mode decides.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import URL

FILE_MODE, FOLDER_MODE = 0o600, 0o700
COMPANIONS = ("", "-wal", "-shm", "-journal")


def path_of(url: URL) -> Path | None:
    """Return the file of a SQLite URL, None for one in memory and for a URI of SQLite's own."""
    name = url.database
    return Path(name).resolve() if name and name != ":memory:" and not name.startswith("file:") else None


def make_private(path: Path) -> None:
    """Create `path` and its missing folders for their owner alone, and close existing files to others.

    Raises nothing: the connection that follows reports the failure more clearly. It opens no existing file,
    because closing one would drop SQLite's locks of this process.
    """
    with suppress(OSError):
        for folder in reversed(path.parents):
            if not folder.exists():
                folder.mkdir(FOLDER_MODE, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE))
    for file in open_to_others(path):
        with suppress(OSError):
            if file.stat().st_uid == os.geteuid():
                file.chmod(FILE_MODE)


def open_to_others(path: Path) -> list[Path]:
    """Return the database's files that other users of this machine can read or change."""
    found = []
    for name in (f"{path}{suffix}" for suffix in COMPANIONS):
        with suppress(OSError):
            if stat.S_IMODE(os.stat(name).st_mode) & 0o077:
                found.append(Path(name))
    return found
