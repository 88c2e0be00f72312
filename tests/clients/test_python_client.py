"""openapi-python-client generates a client that type-checks, and that schedules a post on a running Punctual."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mcp.conftest import Punctual

SECONDS = 240.0  # ends a hanging process
PROGRAM = Path(__file__).with_name("publish_later.py")


def run(*command: str, folder: Path) -> str:
    environment = os.environ | {"MYPYPATH": str(folder), "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def generated(document_file: Path) -> Path:
    """Generate the package punctual_client. Return its folder's parent."""
    command = ["openapi_python_client", "generate", "--path", str(document_file), "--meta", "none"]
    run("-m", *command, "--output-path", "punctual_client", folder=document_file.parent)
    return document_file.parent


def test_client_generated_for_python_type_checks_and_schedules_a_post(generated: Path, punctual: Punctual, token: str):
    program = generated / PROGRAM.name
    program.write_text(PROGRAM.read_text())
    run("-m", "mypy", "--strict", "punctual_client", PROGRAM.name, folder=generated)
    answer = json.loads(run(PROGRAM.name, punctual.url, token, folder=generated))
    post = punctual.user.read(answer["postId"])
    assert (post["status"], post["content"]) == ("scheduled", "We ship on Tuesday.")
    assert (answer["status"], answer["armed"]) == ("scheduled", True)
    assert answer["refusal"] == [422, "timezone_required", "scheduledAt"]
