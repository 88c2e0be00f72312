"""The common receiver process: it answers 200 at once and records each arrival.

`python -m tests.bench.receiver --port N`: POST /webhook/publish is an arrival, GET /ledger lists arrivals, GET /count
counts them, DELETE /ledger deletes them. Bodies are parsed only for GET /ledger, so parsing delays no arrival.
"""

import argparse
import json
import sys
import time

from aiohttp import web

from app.local.http_server import run


class Receiver:
    """Keeps arrivals in order, with their unix time in ns."""

    def __init__(self) -> None:
        self._arrivals: list[tuple[int, bytes]] = []

    async def arrive(self, request: web.Request) -> web.Response:
        at = time.time_ns()
        self._arrivals.append((at, await request.read()))
        return web.Response(body=b"{}", content_type="application/json")

    async def list_arrivals(self, request: web.Request) -> web.Response:
        return web.json_response([[json.loads(body)["postId"], at] for at, body in self._arrivals])

    async def count(self, request: web.Request) -> web.Response:
        return web.json_response(len(self._arrivals))

    async def clear(self, request: web.Request) -> web.Response:
        self._arrivals.clear()
        return web.Response(status=204)


def application() -> web.Application:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/webhook/publish", receiver.arrive)
    app.router.add_get("/ledger", receiver.list_arrivals)
    app.router.add_get("/count", receiver.count)
    app.router.add_delete("/ledger", receiver.clear)
    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.receiver")
    parser.add_argument("--port", type=int, required=True)
    sys.exit(run(application(), "receiver", "127.0.0.1", parser.parse_args().port))
