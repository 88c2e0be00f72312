"""Own the requests transport adapter of all calls to LinkedIn and to media hosts.

Invariant: the read timeout bounds the whole answer, and nothing is retried.
"""

from __future__ import annotations

from typing import Any

import requests  # noqa: F401  # the package before its parts, see tests/adapters/test_import_order.py
from requests.adapters import HTTPAdapter

from app.adapters.http_connections import POOL_CLASSES

POOL_SIZE = 64


class DeadlineTransport(HTTPAdapter):
    """A requests transport adapter with one deadline per answer.

    Used without a session, it has no cookies, redirects, proxies or .netrc. `server_hostname` is the name for SNI and
    for the certificate check. None means the URL's host.
    """

    def __init__(self, server_hostname: str | None = None) -> None:
        self._tls_options = {"server_hostname": server_hostname} if server_hostname else {}
        super().__init__(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE, max_retries=0, pool_block=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use our connection classes in the pools (a hook of HTTPAdapter)."""
        super().init_poolmanager(*args, **(kwargs | self._tls_options))
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES
