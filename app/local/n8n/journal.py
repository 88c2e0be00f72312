"""An append-only file of JSON lines, so that the stand-in's records survive a restart."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from app.local.private_files import make_folder, opener


class Journal:
    """A file flushed after each record. A kill can lose only the record being written.

    Keeps nothing if `path` is None.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the records in the file. Skips a line that a kill cut short."""
        if self._path is None or not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue

    def append(self, record: dict[str, Any]) -> None:
        if self._path is None:
            return
        if self._file is None:
            make_folder(self._path.parent)
            self._file = open(self._path, "a", encoding="utf-8", opener=opener)  # noqa: SIM115  # closed by `close`
            if self._file.tell() and not self._ends_a_line():
                self._file.write("\n")
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()

    def clear(self) -> None:
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _ends_a_line(self) -> bool:
        assert self._path is not None
        with self._path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) == b"\n"
