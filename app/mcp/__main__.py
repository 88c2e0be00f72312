"""`python -m app.mcp`: the server of agents, on stdio, or with `--http HOST:PORT` over streamable HTTP."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

try:
    from app.mcp.api import open_api
    from app.mcp.http import read_address, serve_http
    from app.mcp.settings import Settings, SettingsError, read_settings
    from app.mcp.tools import build_server
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is not installed. Run: pip install --require-hashes -r requirements-mcp.txt")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m app.mcp", description="Serve Punctual to agents (MCP).")
    parser.add_argument("--http", metavar="HOST:PORT", help="streamable HTTP at /mcp, in place of stdio")
    options = parser.parse_args()
    try:
        settings = read_settings(os.environ)
        address = read_address(options.http, settings) if options.http else None
    except SettingsError as error:
        sys.exit(str(error))
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # its lines have the addresses of requests
    try:
        asyncio.run(_serve(settings, address))
    except KeyboardInterrupt:
        sys.exit(130)


async def _serve(settings: Settings, address: tuple[str, int] | None) -> None:
    async with open_api(settings) as api:
        server = build_server(api)
        if address is None:
            await server.run_stdio_async()
        else:
            await serve_http(server, address, settings)


if __name__ == "__main__":
    main()
