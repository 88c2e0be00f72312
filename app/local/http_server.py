"""Run one aiohttp application as a process until SIGTERM or SIGINT."""

import asyncio
import os
import signal
import sys

from aiohttp import web

from app.local.callers import only_from_here

BACKLOG = 1024  # a burst of connections must wait, not be refused: a stand-in refuses only on request


def run(app: web.Application, name: str, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code.

    The exit code is 1 if the port cannot be bound. The first printed line says the address.
    """
    return asyncio.run(_serve(app, name, host, port))


async def _serve(app: web.Application, name: str, host: str, port: int) -> int:
    app.middlewares.insert(0, only_from_here(host))
    # A handler that hangs on purpose must end with its client. The other handlers are not harmed by cancellation.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=BACKLOG)
        try:
            await site.start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)  # asyncio's own text repeats the address
            print(f"{name}: cannot listen on {host}:{port}: {reason}. Choose another port: --port", file=sys.stderr)
            return 1
        print(f"{name}: listening on http://{host}:{_bound_port(runner)}", flush=True)
        await _wait_for_stop_signal()
    finally:
        await runner.cleanup()
    return 0


def _bound_port(runner: web.AppRunner) -> int:
    """Return the real port: with `--port 0` the system chose one."""
    return int(runner.addresses[0][1])


async def _wait_for_stop_signal() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
