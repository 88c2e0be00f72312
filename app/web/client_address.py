"""The address of a client, behind as many trusted proxies as TRUSTED_PROXIES says.

Invariant: a client cannot choose its address. Of X-Forwarded-For only the entries of trusted proxies are read.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json

from flask import Flask, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

from app.settings.values import Settings

BUCKETS = 65_536  # so strangers write at most as many rows, however many addresses they have
IPV6_PREFIX = 64  # one customer has a whole prefix of it
_KEY = "punctual_address_key"  # of the app's extensions


def register(app: Flask, settings: Settings) -> None:
    """Read `request.remote_addr` from the nearest trusted proxies."""
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0, x_port=0, x_prefix=0
        )
    secrets = (settings.auth_jwt_secret, settings.cron_secret, settings.n8n_callback_secret, settings.admin_secret_key)
    app.extensions[_KEY] = hashlib.sha256(json.dumps(["punctual addresses", *secrets]).encode()).digest()


def client_address() -> str:
    """Return the client's address, of an IPv6 address its network."""
    return _network(request.remote_addr or "")


def address_bucket() -> str:
    """Return the bucket of the client's address. The keyed hash keeps strangers from choosing another's bucket."""
    digest = hmac.digest(current_app.extensions[_KEY], client_address().encode("utf-8", "replace"), "sha256")
    return str(int.from_bytes(digest[:4]) % BUCKETS)


def _network(text: str) -> str:
    """Return the address without a port, and of IPv6 the network. Other text is cut."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return text[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)
