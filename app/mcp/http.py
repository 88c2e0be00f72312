"""The server of agents over streamable HTTP, at /mcp.

Invariant: it acts with its owner's token, so no caller passes without a proof. On loopback, where no secret is set, the
check of Host and Origin keeps web pages out. Other addresses need the secret.
"""

from __future__ import annotations

import hmac
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.mcp.settings import Settings, SettingsError, is_loopback

MAX_BODY_BYTES = 1_000_000
MAX_CONCURRENT = 50
KEEP_ALIVE_SECONDS = 30


def read_address(text: str, settings: Settings) -> tuple[str, int]:
    """Read HOST:PORT, also [::1]:PORT.

    Raises: SettingsError, also for an address beyond loopback without a secret.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise SettingsError("--http: write HOST:PORT, such as 127.0.0.1:8765.")
    if not is_loopback(host) and settings.secret is None:
        raise SettingsError(
            f"--http {text}: beyond loopback, set PUNCTUAL_MCP_SECRET (32 characters or more). Callers send it as "
            "Authorization: Bearer …, through a proxy with TLS."
        )
    return host, int(port)


def http_app(server: MCPServer[Any], host: str, settings: Settings) -> ASGIApp:
    """Return the ASGI app. It keeps no sessions."""
    loopback = is_loopback(host)
    names = ["127.0.0.1:*", "localhost:*", "[::1]:*"] + ([f"{host}:*"] if loopback else [])
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=loopback,
        allowed_hosts=names,
        allowed_origins=[f"http://{name}" for name in names],
    )
    app = server.streamable_http_app(
        host=host,
        json_response=True,
        stateless_http=True,
        max_request_body_size=MAX_BODY_BYTES,
        transport_security=security,
    )
    return app if settings.secret is None else RequireSecret(app, settings.secret)


class RequireSecret:
    """Answer 401 to every request without the secret, before any byte of its body is read."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._proof = f"Bearer {secret}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = Headers(scope=scope).get("authorization", "").encode("latin-1", "replace")
            if not hmac.compare_digest(given, self._proof):
                text = {"error": "Send PUNCTUAL_MCP_SECRET as Authorization: Bearer …"}
                await JSONResponse(text, 401, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def serve_http(server: MCPServer[Any], address: tuple[str, int], settings: Settings) -> None:
    """Serve until a signal comes."""
    host, port = address
    config = uvicorn.Config(
        http_app(server, host, settings),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        limit_concurrency=MAX_CONCURRENT,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    await uvicorn.Server(config).serve()
