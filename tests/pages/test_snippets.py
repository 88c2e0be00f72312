"""Every block of code of the pages is run by a test, or its reason why not stands here."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import pytest

from tests.clients.test_typescript_client import leave_out
from tests.local.stacks import Running
from tests.pages.markdown import PAGES, Page
from tests.pages.shell import SECONDS, Reader, soon

pytestmark = pytest.mark.xdist_group("local-stack")  # it must not take the processor from timing tests

NETWORK = "installs packages from the network, as `make test` itself has done"
N8N = "needs an n8n, which is 600 MB of packages"
HOST = "changes the host: users and services"
DOMAIN = "needs a domain. README.md has the same calls"
VERCEL = "needs a deployment on Vercel"
CONSOLE = "fetches the packages of npm, as the set-up of the browser's tests has done"
#: The lines of shell blocks that no test runs, by page and the beginning of the line, with the reason.
NOT_RUN: dict[str, dict[str, str]] = {
    "README.md": {
        "make demo": "tests/local/test_demo.py runs its command",
        "make test": "this test is a part of it",
        "python3 -m venv .venv && .venv/bin/pip install": NETWORK,
        "set -a; . ./punctual.env": "the reader has the settings",
    },
    "docs/console.md": {"make console": CONSOLE, "python -m app.web.console.build": CONSOLE},
    "docs/deploy/docker.md": {"docker compose": "needs a Docker daemon"},
    "docs/deploy/vercel.md": {
        "python3 -m venv .venv && .venv/bin/pip install": NETWORK,
        ".venv/bin/flask --app wsgi doctor --deep": VERCEL,
        "URL=https://your-app": VERCEL,
        "curl --fail-with-body": VERCEL,
        "  -d '{": VERCEL,
    },
    "docs/deploying.md": {
        "git clone": NETWORK,
        "python3 -m venv .venv && .venv/bin/pip install": NETWORK,
        ".venv/bin/python -m app.web.console.build": CONSOLE,
        "useradd": HOST,
        "runuser -u postgres": HOST,
        "install -m": HOST,
        "systemctl": HOST,
        "punctual db upgrade": HOST,
        "punctual doctor": HOST,
        "URL=https://punctual": DOMAIN,
        "TOKEN=$(punctual": HOST,
        "curl --fail-with-body": DOMAIN,
        "  -d '{": DOMAIN,
    },
    "docs/n8n/README.md": {"n8n import:workflow": N8N, "n8n publish:workflow": N8N},
    "docs/operating.md": {
        ".venv/bin/pip install": NETWORK,
        "sqlite3 instance/punctual.sqlite3": (
            "needs the sqlite3 program. tests/use_cases/test_restored_backup.py makes this backup by Python's module"
        ),
    },
}
DIAGRAM = "a diagram"
#: The blocks of other languages, by page, language and beginning, with the test that runs them or the reason.
OTHERS = {
    ("README.md", "", "frontend ── schedule"): DIAGRAM,
    ("README.md", "ts", "const answer = await"): "below",
    ("docs/agents.md", "json", "{"): "tests/mcp/test_agents_page.py",
    ("docs/architecture.md", "", "frontend ── schedule"): DIAGRAM,
    ("docs/architecture.md", "mermaid", "stateDiagram-v2"): DIAGRAM,
    ("docs/bulk.md", "json", '{"operations": ['): "test_requests.py",
    ("docs/console.md", "js", "const answer = await"): "needs a page of the app's own origin, as tests/browser has",
    ("docs/concepts.md", "", "draft ──schedule──▶ "): DIAGRAM,
    ("docs/deploying.md", "nginx", "upstream punctual {"): "needs nginx",
    ("docs/monitoring/README.md", "yaml", "scrape_configs:"): "needs Prometheus",
    ("docs/n8n/README.md", "json", '{"postId": "…", "sta'): "test_requests.py",
    ("docs/webhooks.md", "python", "from http.server imp"): "test_webhooks_page.py",
}
BEGINNING = 20  # characters
SHELL_PAGES = [page for page in PAGES if any(block.language == "sh" for block in page.blocks())]


@pytest.mark.parametrize("page", SHELL_PAGES, ids=repr)
def test_shell_blocks_run_in_order(reader: Reader, page: Page):
    reader.follow(page, NOT_RUN.get(page.name, {}))


def test_program_for_a_browser_schedules_a_post(up: Running, tmp_path: Path):
    """Run it by node. `make test` type-checks a program of this form in tests/clients."""
    if which("node") is None:
        leave_out("No node here. On Debian: apt-get install nodejs")
    (block,) = [block for block in Page("README.md").blocks() if block.language == "ts"]
    program = tmp_path / "program.mjs"
    program.write_text(f'const API = "{up.ports.url("app")}", TOKEN = "{up.token}";\n{soon(block.text)}')
    done = subprocess.run(["node", program], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    post_id, at, _warnings = done.stdout.split(maxsplit=2)
    assert up.api().get(f"/api/posts/{post_id}")["scheduledAt"] == at


def test_lines_that_are_not_run_are_on_their_pages():
    for name, lines in NOT_RUN.items():
        written = [line for block in Page(name).blocks() for line in block.text.splitlines()]
        assert [line for line in lines if not any(one.startswith(line) for one in written)] == []


def test_every_block_is_run_or_has_its_reason():
    """Shell blocks and requests are found by their language. A block of JSON below a request is its answer."""
    others = set()
    for page in PAGES:
        blocks = page.blocks()
        for before, block in zip([None, *blocks], blocks, strict=False):
            is_answer = block.language == "json" and before is not None and before.language == "http"
            if block.language not in ("sh", "http") and not is_answer:
                others.add((page.name, block.language, block.text.split("\n")[0].strip()[:BEGINNING]))
    assert others == set(OTHERS)
