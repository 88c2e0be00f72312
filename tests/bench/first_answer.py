"""Measures a cold start: from the process start to the first answer and to the first send.

    python -m tests.bench.first_answer [--runs 9]

Each run is a fresh process over a migrated database with one due post. The delivery is signed as QStash signs it, and
n8n is a server on loopback. It prints medians of wall clock and of processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.adapters.vault import FernetVault
from app.domain.sealing import access_token_of
from app.store.schema.tables import social_accounts
from tests.adapters.servers import HttpServer, http_server
from tests.support.databases import upgrade
from tests.support.rows import Rows, account_row
from tests.web.answers import SECRETS
from tests.web.site import signature

ROOT = Path(__file__).parent.parent.parent
BASE = "https://punctual.example"
ANSWERS = ("imported", "/healthz", "dispatched")
CHILD = """
import json, sys, time
began, message, token, secret = float(sys.argv[1]), *sys.argv[2:]
import wsgi
figures = []
note = lambda: figures.append((time.monotonic() - began, time.process_time()))
note()
client = wsgi.app.test_client()
assert client.get("/healthz").status_code == 200
note()
sent = {"Upstash-Signature": token, "X-Internal-Secret": secret, "Content-Type": "application/json"}
answer = client.post("/api/posts/dispatch", data=message, headers=sent)
assert answer.get_json() == {"status": "dispatched"}, answer.get_data()
note()
print(json.dumps(figures))
"""


def environment(folder: Path, n8n: str) -> dict[str, str]:
    settings = {name.upper(): value for name, value in SECRETS.items()}
    settings |= {"DATABASE_URL": f"sqlite:///{folder / 'bench.sqlite3'}", "PUBLIC_BASE_URL": BASE}
    settings |= {"N8N_WEBHOOK_URL": f"{n8n}/webhook/publish"}
    return {"PATH": os.environ.get("PATH", ""), **settings}


def cold_start(environ: dict[str, str], rows: Rows) -> list[tuple[float, float]]:
    """Run one cold start. Returns (wall seconds since the process start, processor seconds) per answer."""
    now = datetime.now(UTC)
    post = rows.post("scheduled", next_attempt_at=now - timedelta(seconds=1), scheduled_at=now)
    message = json.dumps({"postId": post.id, "userId": post.user_id, "generation": post.generation})
    token = signature(f"{BASE}/api/posts/dispatch", message.encode(), now)
    command = [sys.executable, "-c", CHILD, str(time.monotonic()), message, token, SECRETS["internal_api_secret"]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environ, check=False)
    if done.returncode:
        sys.exit(f"The cold start failed:\n{done.stderr}")
    return [(wall, processor) for wall, processor in json.loads(done.stdout.splitlines()[-1])]


def measure(runs: int, n8n: HttpServer) -> list[tuple[float, float]]:
    with tempfile.TemporaryDirectory() as name:
        environ = environment(Path(name), n8n.url)
        upgrade(environ["DATABASE_URL"])
        rows = Rows(environ["DATABASE_URL"])
        rows.account_id = "00000000-0000-4000-8000-000000000001"
        sealed = FernetVault([SECRETS["token_encryption_keys"]]).encrypt("token", access_token_of(rows.account_id))
        rows.insert(social_accounts, account_row(rows.account_id, external_id="urn:li:person:2", access_token=sealed))
        found = [cold_start(environ, rows) for _ in range(runs + 1)][1:]  # the first run only warms the disk cache
        rows.close()
    return [(statistics.median(r[n][0] for r in found), statistics.median(r[n][1] for r in found)) for n in range(3)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    with http_server() as n8n:
        figures = measure(parser.parse_args().runs, n8n)
    for name, (wall, processor) in zip(ANSWERS, figures, strict=True):
        print(f"{name:<12} after {wall * 1000:6.0f} ms, {processor * 1000:6.0f} ms of processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
