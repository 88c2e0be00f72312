"""Fetch the identity provider's published keys, once, over a connection of its own.

Invariant: an answer has at most MAX_BODY_BYTES, comes within the time-out, and is no redirect: only the address in the
settings chooses whose keys are trusted. Proxies and certificates are those of the environment and the system.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.util import make_headers

from app.adapters.http_connections import POOL_CLASSES
from app.version import VERSION

MAX_BODY_BYTES = 512 * 1024  # a provider's set has a few kB


class BrokenAnswer(Exception):
    """The answer holds no key set. The text is for operators."""


def fetch_key_set(url: str, seconds: float) -> dict[str, Any]:
    """Return the JSON object at `url`. `seconds` bounds the connecting, then the whole answer.

    Raises: BrokenAnswer, an exception of urllib3, or ValueError or RecursionError for a body that is no JSON.
    """
    with _connections(url) as pool:
        pool.pool_classes_by_scheme = POOL_CLASSES
        headers = {"User-Agent": f"Punctual/{VERSION}", "Accept-Encoding": "identity"}
        answer = pool.request(
            "GET", url, headers=headers, timeout=seconds, retries=False, redirect=False, preload_content=False
        )
        try:
            body = _read(answer)
        finally:
            answer.close()  # the rest of a long body is not read
    key_set = json.loads(body)
    if not isinstance(key_set, dict):
        raise BrokenAnswer("the answer is no JSON object")
    return key_set


def _connections(url: str) -> urllib3.PoolManager:
    """Return a pool for one call, through the environment's proxy for this address if there is one."""
    parts = urlsplit(url)
    proxy = None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)
    if not proxy:
        return urllib3.PoolManager()
    address = proxy if "://" in proxy else f"http://{proxy}"
    auth = urllib3.util.parse_url(address).auth
    return urllib3.ProxyManager(address, proxy_headers=make_headers(proxy_basic_auth=unquote(auth)) if auth else None)


def _read(answer: urllib3.BaseHTTPResponse) -> bytes:
    """Read the whole body. Raises: BrokenAnswer when the status or the length is wrong."""
    if 300 <= answer.status < 400:
        raise BrokenAnswer(f"the answer is a redirect ({answer.status}), set the final address")
    if not 200 <= answer.status < 300:
        raise BrokenAnswer(f"the answer is {answer.status}")
    body = answer.read(MAX_BODY_BYTES + 1, decode_content=True)
    if len(body) > MAX_BODY_BYTES:
        raise BrokenAnswer(f"the answer is longer than {MAX_BODY_BYTES} bytes")
    return body
