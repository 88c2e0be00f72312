"""`requests` over our own pools: answers have one deadline, and idle connections are not trusted."""

from __future__ import annotations

from typing import Any

from requests.adapters import HTTPAdapter

from app.adapters.n8n_connections import POOL_SIZE, PlainPool, SecurePool


class Connections(HTTPAdapter):
    """A requests adapter used by itself: no session, so no cookies, no redirects, no proxies or netrc from outside.
    `server_hostname`: whose certificate to ask for and to accept, where the URL names an address instead."""

    def __init__(self, server_hostname: str | None = None) -> None:
        self._pool_options = {"server_hostname": server_hostname} if server_hostname else {}
        super().__init__(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE, max_retries=0, pool_block=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **(kwargs | self._pool_options))
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
