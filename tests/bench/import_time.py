"""Compares the import time of the app with that of its packages alone.

    python tests/bench/import_time.py [--module wsgi] [--runs 15] [--limit 1.15]

Each import runs in a fresh interpreter. The two kinds alternate, so a busy moment of the machine affects both. Medians
of processor time are compared, so other processes do not count. Exits with 1 when the ratio exceeds the limit.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# The minimal settings of a working app. No address here is ever called.
SETTINGS = {
    "DATABASE_URL": "postgresql://bench@127.0.0.1/bench",  # as on serverless, and an import makes no connection
    "PUBLIC_BASE_URL": "https://punctual.example",
    "AUTH_JWT_SECRET": "import-time-of-the-app-" + "x" * 16,
    "CRON_SECRET": "import-time-of-the-cron-" + "x" * 16,
    "N8N_CALLBACK_SECRET": "import-time-of-n8n-" + "x" * 16,
    "N8N_WEBHOOK_URL": "https://n8n.example/webhook/publish",
    "TOKEN_ENCRYPTION_KEYS": "aW1wb3J0LXRpbWUtb2YtdGhlLWFwcC1iZW5jaG1hcmc=",
}
LIST_PACKAGES = """
import importlib, sys, sysconfig
importlib.import_module({module!r})
sites = {{sysconfig.get_path(name) for name in ("purelib", "platlib")}}
for name, module in list(sys.modules.items()):
    origin = getattr(getattr(module, "__spec__", None), "origin", None) or ""
    if any(origin.startswith(site) for site in sites):
        print(name)
"""
TIME_IMPORTS = """
import importlib, sys, time
began = time.process_time()
for name in {modules!r}:
    importlib.import_module(name)
print(time.process_time() - began)
"""


def run(code: str, environ: dict[str, str]) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environ, check=False)
    if done.returncode:
        sys.exit(f"The import failed:\n{done.stderr}")
    return done.stdout


def packages(module: str, environ: dict[str, str]) -> list[str]:
    """Return the third-party modules that `module` imports, in import order."""
    return run(LIST_PACKAGES.format(module=module), environ).split()


def medians(module: str, environ: dict[str, str], runs: int) -> tuple[float, float]:
    """Return the median seconds for the packages alone, and for the app with them."""
    kinds = [packages(module, environ), [module]]
    seconds: list[list[float]] = [[], []]
    for turn in range(runs + 1):
        for kind, modules in enumerate(kinds):
            taken = float(run(TIME_IMPORTS.format(modules=modules), environ))
            if turn:  # the first turn only warms the disk cache
                seconds[kind].append(taken)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", default="wsgi")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--limit", type=float, default=1.15)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        settings = {name: value.format(folder=folder) for name, value in SETTINGS.items()}
        environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **settings}
        alone, app = medians(options.module, environ, options.runs)

    ratio = app / alone
    print(f"packages alone {alone * 1000:6.0f} ms")
    print(f"{options.module:<14} {app * 1000:6.0f} ms, median of {options.runs}")
    print(f"ratio {ratio:.2f}, limit {options.limit:.2f}")
    return int(ratio > options.limit)


if __name__ == "__main__":
    sys.exit(main())
