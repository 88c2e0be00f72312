"""Runs one aiohttp application as a process: says plainly when the port is taken, leaves quietly on SIGTERM."""

import asyncio
import os
import signal
import sys

from aiohttp import web

BACKLOG = 1024  # a burst of connections must wait here rather than be refused: a refusal is a fault somebody asks for


def run(app: web.Application, name: str, host: str, port: int) -> int:
    """Serves until SIGTERM or SIGINT; returns the process's exit code."""
    return asyncio.run(_serve(app, name, host, port))


async def _serve(app: web.Application, name: str, host: str, port: int) -> int:
    # A handler that hangs on purpose has to end with its client; the others have nothing to lose by it.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=BACKLOG)
        try:
            await site.start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)  # asyncio's own text repeats the address
            print(f"{name}: cannot listen on {host}:{port}: {reason}; choose another with --port", file=sys.stderr)
            return 1
        print(f"{name}: listening on http://{host}:{_bound_port(runner)}", flush=True)
        await _until_told_to_stop()
    finally:
        await runner.cleanup()
    return 0


def _bound_port(runner: web.AppRunner) -> int:
    """The real port: with `--port 0` the system chose one."""
    return int(runner.addresses[0][1])


async def _until_told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
