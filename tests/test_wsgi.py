"""The loaded entry point: what it sets for its whole process."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.adapters.garbage import MOST_YOUNG

ROOT = Path(__file__).parent.parent
PATIENCE_SECONDS = 60
LOADED = """
import gc, sys, threading
import wsgi
names = [thread.name for thread in threading.enumerate()]
print("\\n", gc.get_threshold()[2], "garbage" in names, gc.isenabled(), sys.getswitchinterval())
"""
VERCEL = {
    "VERCEL": "1",
    "VERCEL_ENV": "production",
    "VERCEL_PROJECT_PRODUCTION_URL": "punctual.example",
    "DATABASE_URL": "postgresql://h/d",
    "CRON_SECRET": "a cron secret of the tests 0123456789",
    "AUTH_JWT_SECRET": "a secret of the tokens of tests 0123456789",
    "QSTASH_TOKEN": "token",
    "QSTASH_CURRENT_SIGNING_KEY": "sig_1",
    "QSTASH_NEXT_SIGNING_KEY": "sig_2",
}


def run(code: str, folder: Path, settings: dict[str, str]) -> str:
    """Run the code in a new process. Return the last line of its output."""
    environ = {"DATABASE_URL": f"sqlite:///{folder}/app.db", "PYTHONPATH": str(ROOT), **settings}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=environ, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1].strip()


@pytest.mark.parametrize(
    ("settings", "seen"),
    [({"POLL_MODE": "true"}, f"{MOST_YOUNG} True"), (VERCEL, "10 False")],
    ids=["host", "Vercel"],
)
def test_full_collections_are_put_off_where_a_process_stays(tmp_path: Path, settings: dict[str, str], seen: str):
    assert run(LOADED, tmp_path, settings) == f"{seen} True 0.001"
