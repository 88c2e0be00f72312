"""Refuse calls that a web page sends to a stand-in: the browser of this machine reaches loopback ports.

A page of another site can send requests here, and read the answers once its own name resolves to 127.0.0.1 (DNS
rebinding). Its Host and Origin headers still name it.
Invariant: a stand-in serves loopback names, the address it is bound to, and the names in ALLOW_HTTP_HOSTS alone.
"""

import ipaddress
import os
from collections.abc import Awaitable, Callable, Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ANY_ADDRESS = ("0.0.0.0", "::", "")  # bound to all of the machine's addresses


def only_from_here(bound_to: str) -> Middleware:
    """Return a middleware that refuses foreign Host and Origin headers."""
    names = {name.strip().lower() for name in os.environ.get("ALLOW_HTTP_HOSTS", "").split(",")}
    names = (names | {bound_to.lower()}) - set(ANY_ADDRESS)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_ours(f"//{request.headers.get('Host', '')}", names):
            return _refusal(421, "This stand-in serves this machine alone: call it by 127.0.0.1 or localhost")
        for origin in request.headers.getall("Origin", []):
            if not is_ours(origin, names):
                return _refusal(403, "This stand-in takes no calls from pages of other sites")
        return await handler(request)

    return check


def is_ours(url: str, names: Collection[str] = ()) -> bool:
    """Return True if `url`, with or without a scheme, names this machine's loopback or one of `names`."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in ("", "http", "https") or "@" in parts.netloc or parts.path or parts.query or parts.fragment:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback or host in names
    except ValueError:
        return host == "localhost" or host in names


def _refusal(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
