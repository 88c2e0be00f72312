"""The order of imports of packages with circular imports of their own.

`from urllib3.util import x` locks the part before the package. Another thread that imports the package locks them the
other way round. Python ends such a deadlock by handing out a half-loaded module, and the import fails.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ADAPTERS = Path(__file__).parents[2] / "app" / "adapters"
CIRCULAR = ("urllib3", "requests")
TOGETHER = """
import sys, threading
sys.setswitchinterval(1e-6)
import app.wiring
barrier, failed = threading.Barrier(2), []
def load(name):
    barrier.wait()
    try:
        __import__(name)
    except Exception as error:
        failed.append(repr(error))
names = ("app.adapters.n8n_connections", "app.adapters.requests_transport")
threads = [threading.Thread(target=load, args=(name,)) for name in names]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failed)
"""


@pytest.mark.parametrize("path", sorted(ADAPTERS.glob("*.py")), ids=lambda path: path.stem)
def test_package_is_imported_before_its_parts(path: Path):
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            package, _, part = node.module.partition(".")
            assert not part or package not in CIRCULAR or package in imported, f"{path.name}:{node.lineno}"


def test_adapters_load_in_two_threads_at_once():
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER], capture_output=True, text=True, check=True, cwd=ADAPTERS.parents[1]
    )
    assert done.stdout == "[]\n"
