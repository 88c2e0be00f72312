"""Reads what the children log and picks the lines worth a place on the screen; the rest stays in the files."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

# What happens to every post, or on every beat: in the files only. An event that is not known here is shown.
ROUTINE = ("post.created", "post.claimed", "post.dispatch", "sweep")
ALARMING = re.compile(r"\[(WARNING|ERROR|CRITICAL)\]|Traceback|Error\b")
QUIET_CRON = re.compile(r'^\S+ 200 .*"recovered":\s*0\b')


class Watcher:
    """Follows one child's log from where it is now."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._file: IO[bytes] = log.open("rb")
        self._file.seek(0, 2)
        self._half = b""

    def news(self) -> Iterator[str]:
        """The lines since the last look that matter, shortened for the screen."""
        lines = (self._half + self._file.read()).split(b"\n")
        self._half = lines.pop()
        for line in lines:
            if told := worth_telling(self.name, line.decode(errors="replace")):
                yield f"{self.name:>6} │ {told}"

    def close(self) -> None:
        self._file.close()


def worth_telling(name: str, line: str) -> str | None:
    if name == "cron":
        return None if QUIET_CRON.search(line) else line
    if line.startswith("{"):
        return _event(line)
    return line if ALARMING.search(line) else None


def _event(line: str) -> str | None:
    """One of the app's structured lines: shown unless it is routine."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or (event.get("level") == "info" and _is_routine(event)):
        return None
    untold = ("at", "level", "event", "exception")
    rest = " ".join(f"{key}={value}" for key, value in event.items() if key not in untold and value is not None)
    return f"{str(event.get('at', ''))[11:23]} {event.get('event', '')} {rest}".strip()


def _is_routine(event: dict[str, Any]) -> bool:
    """A send that n8n accepted is only half of the news: its report follows."""
    return event.get("event") in ROUTINE or event.get("outcome") == "accepted"
