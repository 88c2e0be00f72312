"""Files and folders for their owner alone: the stack's state holds posts, callback addresses and logs."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o600, 0o700


def make_folder(folder: Path, *, tighten: bool = False) -> None:
    """Create a folder and its missing parents. `tighten` closes an existing one to others as well."""
    for one in reversed([folder, *folder.parents]):
        if not one.exists():
            one.mkdir(FOLDER_MODE, exist_ok=True)
    if tighten:
        with suppress(PermissionError):  # of another owner
            folder.chmod(FOLDER_MODE)


def opener(path: str, flags: int) -> int:
    """Open a file for `open(…, opener=opener)`. A new one, and one of an older version, is closed to others."""
    descriptor = os.open(path, flags, FILE_MODE)
    with suppress(PermissionError):
        os.fchmod(descriptor, FILE_MODE)
    return descriptor


def connect_sqlite(path: str, timeout: float) -> sqlite3.Connection:
    """Open a SQLite database. Its companion files get the mode of its file."""
    make_folder(Path(path).resolve().parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE))
    with suppress(PermissionError):
        os.chmod(path, FILE_MODE)
    return sqlite3.connect(path, timeout=timeout)
