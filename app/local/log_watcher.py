"""Follow the children's log files and select the lines for the screen. All lines stay in the files."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

# Events of every post or every sweep stay in the files. All other events are shown.
ROUTINE_EVENTS = ("post.created", "post.dispatch", "posts.changed", "server", "sweep")
PROBLEM = re.compile(r"\[(WARNING|ERROR|CRITICAL)\]|Traceback|Error\b")
QUIET_CRON = re.compile(r'^\S+ 200 .*"recovered":\s*0\b')


class LogWatcher:
    """A reader of one child's log, from its present end onward."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._file: IO[bytes] = log.open("rb")
        self._file.seek(0, 2)
        self._partial_line = b""

    def new_lines(self) -> Iterator[str]:
        """Yield the lines for the screen that were completed since the last call."""
        lines = (self._partial_line + self._file.read()).split(b"\n")
        self._partial_line = lines.pop()
        for line in lines:
            if shown := screen_text(self.name, line.decode(errors="replace")):
                yield f"{self.name:>6} │ {shown}"

    def close(self) -> None:
        self._file.close()


def screen_text(name: str, line: str) -> str | None:
    """Return the screen's version of a log line of the child `name`, or None for a routine line."""
    if name == "cron":
        return None if QUIET_CRON.search(line) else line
    if line.startswith("{"):
        return _event_text(line)
    return line if PROBLEM.search(line) else None


def _event_text(line: str) -> str | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or (event.get("level") == "info" and _is_routine(event)):
        return None
    left_out = ("at", "level", "event", "exception", "duration_ms", "user_id", "company_id")
    rest = " ".join(f"{key}={value}" for key, value in event.items() if key not in left_out and value is not None)
    return f"{str(event.get('at', ''))[11:23]} {event.get('event', '')} {rest}".strip()


def _is_routine(event: dict[str, Any]) -> bool:
    """Return True for a routine event or an accepted send. The send's report follows and is shown."""
    return event.get("event") in ROUTINE_EVENTS or event.get("outcome") == "accepted"
