"""Runs the shell blocks of a page, in order and in one shell, as a reader does."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from app.local import ports
from tests.local.stacks import is_up
from tests.local.support import wait_for
from tests.pages.markdown import ROOT, Page
from tests.support.backups import postgres_tool

SECONDS = 240.0  # ends a hanging page
DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")
CURL = '#!/bin/sh\nexec "{curl}" --fail-with-body "$@"\n'  # a refused call fails the page
NEEDED = ("app", "docs", "migrations", "wsgi.py")  # beside .venv, in the reader's folder
#: Commands that stay up, by the text that they have: they are started, seen at work and stopped.
SERVER, LOOP = "-m app.serve", "sweep --every"


def soon(text: str) -> str:
    """Move the days of a text so that the first of them is in a week."""
    days = sorted({dt.date.fromisoformat(day) for day in DAY.findall(text)})
    if not days:
        return text
    by = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=7) - days[0]
    return DAY.sub(lambda day: (dt.date.fromisoformat(day[0]) + by).isoformat(), text)


def reader_folder(folder: Path, curl: str) -> Path:
    """Make a folder like a checkout, with a curl that fails where the server refuses."""
    for name in NEEDED:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    shims = folder / "shims"
    shims.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        (shims / name).symlink_to(postgres_tool(name))
    (shims / "curl").write_text(CURL.format(curl=curl))
    (shims / "curl").chmod(0o755)
    return folder


class Reader:
    """Someone who types what a page says, in a folder of their own."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._env = {**os.environ, **env, "PATH": f"{folder / 'shims'}:{os.environ['PATH']}"}

    def follow(self, page: Page, left_out: Collection[str]) -> str:
        """Run the page's blocks without the lines that are left out, then its servers. Returns the output."""
        script, servers = ["set -euo pipefail"], list[str]()
        for block in page.blocks():
            if block.language == "sh":
                script.append(f"echo '### {page.name}, the block of line {block.line}' >&2")
                for line in soon(block.text).splitlines():
                    if line.startswith(tuple(left_out)):
                        continue
                    stays_up = (SERVER in line or LOOP in line) and not line.startswith("#")
                    (servers if stays_up else script).append(line)
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=self._folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{done.stderr[-3000:]}\n{done.stdout[-3000:]}"
        for line in servers:
            self._start_and_stop(line)
        return done.stdout

    def _start_and_stop(self, line: str) -> None:
        port = next(ports.each_free())
        screen = self._folder / "server.txt"
        with screen.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", f"exec env {line.replace('--port 8000', f'--port {port}')}"],
                cwd=self._folder,
                env=self._env,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

        def is_at_work() -> bool:
            shown = screen.read_text()
            assert process.poll() is None, shown
            if LOOP in line:
                return "sweep" in shown
            has_started = "Started worker-" in shown and shown.count("Started worker-") == shown.count(
                "Spawning worker-"
            )
            return has_started and is_up(f"http://127.0.0.1:{port}/healthz")

        try:
            wait_for(f"the start of {line}", is_at_work)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0, screen.read_text()
