"""The common receiver process: it answers 200 at once and records each arrival.

`python -m tests.bench.receiver --port N`: POST /webhook/publish is an arrival, GET /ledger lists arrivals, GET /count
counts them, DELETE /ledger deletes them. Bodies are parsed only for GET /ledger, so parsing delays no arrival.
`--refuse TEXT` answers 500 to a body with this text.
"""

import argparse
import json
import sys
import time

from aiohttp import web

from app.local.http_server import run


class Receiver:
    """Keeps arrivals in order, with their unix time in ns."""

    def __init__(self, refuse: str | None = None) -> None:
        self._arrivals: list[tuple[int, bytes]] = []
        self._refuse = refuse.encode() if refuse else None

    async def arrive(self, request: web.Request) -> web.Response:
        at = time.time_ns()
        body = await request.read()
        self._arrivals.append((at, body))
        if self._refuse is not None and self._refuse in body:
            return web.Response(status=500)
        return web.Response(body=b"{}", content_type="application/json")

    async def list_arrivals(self, request: web.Request) -> web.Response:
        return web.json_response([[json.loads(body)["postId"], at] for at, body in self._arrivals])

    async def count(self, request: web.Request) -> web.Response:
        return web.json_response(len(self._arrivals))

    async def clear(self, request: web.Request) -> web.Response:
        self._arrivals.clear()
        return web.Response(status=204)


def application(refuse: str | None = None) -> web.Application:
    receiver = Receiver(refuse)
    app = web.Application()
    app.router.add_post("/webhook/publish", receiver.arrive)
    app.router.add_get("/ledger", receiver.list_arrivals)
    app.router.add_get("/count", receiver.count)
    app.router.add_delete("/ledger", receiver.clear)
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.receiver")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--refuse", metavar="TEXT")
    args = parser.parse_args()
    sys.exit(run(application(args.refuse), "receiver", "127.0.0.1", args.port))
