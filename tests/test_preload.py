"""What a server pays for before its first request: every import that the app makes on first use."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.preload import FIRST_USED, OF_MESSAGES
from tests.test_wsgi import ROOT, VERCEL, run

POLL = {"POLL_MODE": "true"}
#: Settings with which every adapter is in use.
ALL = VERCEL | {
    "N8N_WEBHOOK_URL": "https://n8n.example/webhook/publish",
    "N8N_CALLBACK_SECRET": "a callback secret of tests 0123456789",
    "METRICS_SECRET": "a secret of the metrics of tests 0123456789",
    "TOKEN_ENCRYPTION_KEYS": "cHVuY3R1YWwtdGVzdHMta2VlcC10b2tlbnMtc2FmZSE=",
    "LINKEDIN_CLIENT_ID": "client",
    "LINKEDIN_CLIENT_SECRET": "a-client-secret-of-tests-0123456789",
    "CONSOLE_OIDC_ISSUER": "https://provider.example",
    "CONSOLE_OIDC_CLIENT_ID": "console",
    "CONSOLE_OIDC_CLIENT_SECRET": "a-secret-of-the-sign-in-of-tests-0123456789",
}
#: Entry points of other processes, and what is wired before the first request where a setting asks for it.
NOT_SERVED = {"cli", "doctor", "local", "mcp"}
WIRED = {"app.adapters.open_telemetry", "app.adapters.sentry", "app.adapters.traced", "flask_cors"}

SERVED = """
import sys
import wsgi
from app.web.docs import DOCUMENT
before = set(sys.modules)
document = wsgi.app.extensions[DOCUMENT]
assert not vars(document).keys() & {"as_json", "as_page"}
assert wsgi.served() is wsgi.app
assert vars(document).keys() >= {"as_json", "as_page"}
print("\\n", *sorted(sys.modules.keys() - before))
"""


def preloaded(folder: Path, settings: dict[str, str], code: str = SERVED) -> set[str]:
    return set(run(code, folder, settings).split())


def is_of_another_process(path: Path) -> bool:
    return re.split(r"[/_.]", str(path.relative_to(ROOT / "app")))[0] in NOT_SERVED


def imported_in_functions(source: str) -> Iterator[str]:
    """Yield the modules that functions import, and what they import from packages of ours."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield node.module
                    modules = (f"{node.module}.{alias.name}" for alias in node.names)
                    yield from (each for each in modules if (ROOT / (each.replace(".", "/") + ".py")).exists())


def test_each_import_of_a_function_is_made_before_the_first_request(tmp_path: Path):
    """An import takes up to 300 ms of processor under the interpreter's lock, and due posts wait for it."""
    files = [path for path in (ROOT / "app").rglob("*.py") if not is_of_another_process(path)]
    wanted = {name for path in files for name in imported_in_functions(path.read_text())} - WIRED
    assert len(wanted) > 30
    loaded = preloaded(tmp_path, ALL, "import sys, wsgi; wsgi.served(); print('\\n', *sys.modules)")
    assert sorted(wanted - loaded) == []


@pytest.mark.parametrize(("settings", "has_messages"), [(POLL, False), (VERCEL, True)], ids=["poll mode", "messages"])
def test_server_imports_what_its_settings_need(tmp_path: Path, settings: dict[str, str], has_messages: bool):
    loaded = preloaded(tmp_path, settings)
    assert set(FIRST_USED) <= loaded  # none was there before, so each is worth its line
    assert set(OF_MESSAGES) & loaded == (set(OF_MESSAGES) if has_messages else set())
    assert not loaded & {"prometheus_client", "authlib", "app.adapters.jwks_fetch"}


def test_imports_of_functions_are_found():
    body = ("import b.c", "from app import serve", "from d import e", "def g():", "    import h")
    source = "\n    ".join(("import a\ndef f():", *body))
    assert set(imported_in_functions(source)) == {"b.c", "app", "app.serve", "d", "h"}
