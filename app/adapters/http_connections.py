"""Define the urllib3 connections of all adapters that use urllib3, directly or through requests.

Invariant: the read timeout bounds the whole answer, and an error of `connect` means that no byte of a request was sent.
"""

from __future__ import annotations

import io
import ssl
import time
from http.client import SWITCHING_PROTOCOLS, HTTPException, HTTPResponse
from typing import Any

import urllib3  # noqa: F401  # the package before its parts, see tests/adapters/test_import_order.py
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

# Node.js closes an idle connection after 5 s. A request written at that moment ends as `unknown`.
MAX_IDLE_SECONDS = 4.0
MAX_INTERIM_ANSWERS = 20  # 1xx, before the final answer


class _DeadlineReader(io.RawIOBase):
    """A socket reader with one deadline. A socket's own timeout restarts at every byte.

    The deadline is the socket's timeout, counted from construction.
    """

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw, self._sock = raw, sock
        self._deadline = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read into `buffer`. Raises: TimeoutError when the deadline has passed."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(HTTPResponse):
    """An HTTP response with a deadline. http.client creates it after the request is written.

    Interim answers are skipped, as RFC 9110 (section 15.2) demands. http.client itself skips only 100.
    """

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock))

    def begin(self) -> None:
        """Read the head of the final answer. Raises: HTTPException after too many interim answers."""
        super().begin()
        for _ in range(MAX_INTERIM_ANSWERS):
            if not 100 <= self.status < 200 or self.status == SWITCHING_PROTOCOLS:
                return
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()
        raise HTTPException("too many interim answers")


class DeadlineHTTPConnection(HTTPConnection):
    """A connection with a deadline per answer and a limit on idle time.

    `idle_since` is the wall clock's time, in seconds, of the last use. The monotonic clock stops while the machine is
    suspended, and would report a dead connection as fresh.
    """

    response_class = _DeadlineResponse
    idle_since = 0.0

    def connect(self) -> None:
        """Resolve the name, connect and finish the TLS handshake.

        Raises: ConnectTimeoutError or NewConnectionError when any of these steps fails.
        """
        try:
            super().connect()
        except ConnectTimeoutError:
            raise
        except Exception as error:
            raise NewConnectionError(self, f"Failed to establish a secure connection: {error}") from error
        self.idle_since = time.time()

    def getresponse(self) -> Any:
        self.idle_since = time.time()
        return super().getresponse()

    @property
    def is_connected(self) -> bool:
        """Return True if the connection can take another request.

        False means: closed, idle for MAX_IDLE_SECONDS, the clock was set back, or unsolicited data has arrived.
        urllib3's pools close and reopen such a connection.
        """
        if self.is_closed or not 0 <= time.time() - self.idle_since < MAX_IDLE_SECONDS:
            return False
        return super().is_connected or self._has_only_tls_tickets()

    def _has_only_tls_tickets(self) -> bool:
        """Return True if the unread bytes are TLS 1.3 session tickets.

        urllib3 takes any unread byte for a closed connection, and tickets always follow a handshake. OpenSSL consumes
        them in a read without waiting. If it then needs more bytes, the connection is open.
        """
        if not isinstance(self.sock, ssl.SSLSocket):
            return False
        self.sock.settimeout(0.0)
        try:
            self.sock.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        return False  # the server closed the connection or sent unsolicited data


class DeadlineHTTPSConnection(DeadlineHTTPConnection, HTTPSConnection):
    """A DeadlineHTTPConnection over TLS."""


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = DeadlineHTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = DeadlineHTTPSConnection


POOL_CLASSES: dict[str, type[HTTPConnectionPool]] = {"http": _HTTPPool, "https": _HTTPSPool}
