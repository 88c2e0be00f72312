"""`make audit` claims nothing where it knows nothing: a registry without advisories finds no fault in any package."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EMPTY = '{"dependencies": [{"name": "jinja2", "version": "2.10", "vulns": []}], "fixes": []}'
SKIPPED = '{"dependencies": [{"name": "jinja2", "skip_reason": "not found"}], "fixes": []}'
KNOWN = '{"dependencies": [{"name": "jinja2", "version": "2.10", "vulns": [{"id": "PYSEC-1"}]}], "fixes": []}'


def audit(folder: Path, canary: str, status: int = 0) -> tuple[int, str]:
    """Run the audit with a pip-audit that answers `canary` in JSON, and `status` for the lock files.

    Its npm finds nothing, and asks no registry.
    """
    tool = folder / "pip-audit"
    strict = f"*--strict*) echo the table; exit {status};;"
    tool.write_text(f"#!/bin/sh\ncase \"$*\" in *json*) echo '{canary}';; {strict} *) exit 9;; esac\n")
    npm = folder / "npm"
    npm.write_text('#!/bin/sh\necho npm "$@" here\n')
    for program in (tool, npm):
        program.chmod(0o700)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    command = [ROOT / ".ci" / "audit", folder]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("canary", [EMPTY, SKIPPED, "", "not JSON"], ids=["empty", "skipped", "silent", "garbage"])
def test_registry_without_advisories_is_named_and_no_pass(tmp_path: Path, canary: str):
    status, text = audit(tmp_path, canary)
    assert status == 2
    assert "UNKNOWN" in text
    assert "no advisories" in text
    assert "the table" not in text


@pytest.mark.parametrize("found", [0, 1])
def test_every_pinned_package_is_compared_where_there_are_advisories(tmp_path: Path, found: int):
    status, text = audit(tmp_path, KNOWN, found)
    assert status == found
    assert text.count("the table") == 3  # the server, the tools of the audit, the Node of the console
    assert "requirements-bench.txt" in text
    assert "JavaScript: tests/clients/typescript" in text
    assert "npm audit here" in text


def test_audit_is_no_part_of_the_checks():
    makefile = (ROOT / "Makefile").read_text()
    [check] = [line for line in makefile.splitlines() if line.startswith("check:")]
    assert "audit" not in check
    assert "bandit" in makefile.split("\nlint:")[1].split("\n\n")[0]
    assert "audit" not in (ROOT / ".ci" / "run").read_text()
