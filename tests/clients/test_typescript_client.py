"""openapi-typescript writes types that compile strictly, in a program that schedules a post on a running Punctual.

CI installs node and npm, so their lack is an error there. Elsewhere the test is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from shutil import copy, which
from typing import NoReturn

import pytest

from tests.mcp.conftest import Punctual

SECONDS = 240.0  # ends a hanging process
PROJECT = Path(__file__).parent / "typescript"
PROGRAM = ("package.json", "tsconfig.json", "publish_later.ts", "wrong_bodies.ts")
RUN = """
import { publishLater } from "./publish_later.js";
console.log(JSON.stringify(await publishLater(...process.argv.slice(-2))));
"""


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def leave_out(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def packages() -> Path:
    """Return the folder node_modules, which `make test` fills from the lock file."""
    if which("node") is None:
        leave_out("No node here. On Debian: apt-get install nodejs npm")
    if not (PROJECT / "node_modules" / "typescript").is_dir():
        leave_out("The packages of tests/clients/typescript are not installed. Run make test, where npm is.")
    return PROJECT / "node_modules"


@pytest.fixture
def project(packages: Path, document_file: Path) -> Path:
    """Write the types of the document beside a copy of the program."""
    folder = document_file.parent
    for name in PROGRAM:
        copy(PROJECT / name, folder)
    (folder / "node_modules").symlink_to(packages)
    run("node", "node_modules/openapi-typescript/bin/cli.js", document_file.name, "-o", "api.ts", folder=folder)
    return folder


def test_types_for_typescript_compile_strictly_and_schedule_a_post(project: Path, punctual: Punctual, token: str):
    run("node", "node_modules/typescript/bin/tsc", folder=project)
    command = ["node", "--input-type=module", "--eval", RUN, "--", punctual.url, token]
    answer = json.loads(run(*command, folder=project))
    post = punctual.user.read(answer["postId"])
    assert (post["status"], post["content"]) == ("scheduled", "We ship on Tuesday.")
    assert (answer["status"], answer["armed"]) == ("scheduled", True)
    assert answer["refusal"] == [422, "timezone_required", "scheduledAt"]
