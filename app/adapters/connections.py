"""Pooled HTTP connections whose failures can be told apart, and whose answers have one deadline.

`requests` over `urllib3`, with three changes: whatever goes wrong before a request is written is a ConnectTimeoutError,
so that "nothing was sent" is certain; the read timeout bounds the whole answer; idle connections are not trusted.
"""

from __future__ import annotations

import io
import ssl
import time
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

if TYPE_CHECKING:
    _Mixed = HTTPConnection
    _MixedPool = HTTPConnectionPool
else:
    _Mixed = _MixedPool = object

MAX_IDLE_SECONDS = 4.0  # Node.js closes after 5; a request written while the other side hangs up ends as unknown
POOL_SIZE = 64


class _BoundedReader(io.RawIOBase):
    """A socket's reading side with one deadline for everything, where a socket's timeout starts anew at every byte."""

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw, self._sock = raw, sock
        self._deadline = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    """Made right after the request was written, with the read timeout set on the socket: that is when time starts."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_BoundedReader(self.fp.detach(), sock))


class _Connection(_Mixed):
    response_class = _BoundedResponse
    idle_since = 0.0

    def connect(self) -> None:
        """Name, TCP and TLS. Whatever fails here has sent nothing, and says so by its type."""
        try:
            super().connect()
        except ConnectTimeoutError:
            raise
        except Exception as error:
            raise NewConnectionError(self, f"Failed to establish a secure connection: {error}") from error
        self.idle_since = time.monotonic()

    def getresponse(self) -> Any:
        self.idle_since = time.monotonic()
        return super().getresponse()

    @property
    def is_connected(self) -> bool:
        """urllib3 takes any unread byte for a hang-up, but after a TLS 1.3 handshake there are always some: tickets.

        Reading one byte without waiting lets OpenSSL digest them: if it then wants more, the connection is alive.
        """
        if super().is_connected:
            return True
        if not isinstance(self.sock, ssl.SSLSocket):
            return False
        self.sock.settimeout(0.0)
        try:
            self.sock.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        return False  # the other side hung up, or said something nobody asked for


class _PlainConnection(_Connection, HTTPConnection):
    pass


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(_MixedPool):
    def _get_conn(self, timeout: float | None = None) -> Any:
        conn: Any = super()._get_conn(timeout)
        if not conn.is_closed and time.monotonic() - conn.idle_since > MAX_IDLE_SECONDS:
            conn.close()  # it opens again by itself, on the next request
        return conn


class _PlainPool(_Pool, HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Connections(HTTPAdapter):
    """A requests adapter used by itself: no session, so no cookies, no redirects, no proxies or netrc from outside.
    `server_hostname`: whose certificate to ask for and to accept, where the URL names an address instead."""

    def __init__(self, server_hostname: str | None = None) -> None:
        self._pool_options = {"server_hostname": server_hostname} if server_hostname else {}
        super().__init__(pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE, max_retries=0, pool_block=False)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **(kwargs | self._pool_options))
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def warm(self, request: PreparedRequest, timeout_seconds: float, verify: bool | str) -> None:
        """Leave an open connection in the pool for a request like this one; does nothing when one lies there."""
        pool: Any = self.get_connection_with_tls_context(request, verify)
        self.cert_verify(pool, str(request.url), verify, None)  # type: ignore[no-untyped-call]
        conn = pool._get_conn()
        try:
            if conn.is_closed:
                conn.timeout = timeout_seconds
                conn.connect()
        except BaseException:
            conn.close()
            raise
        finally:
            pool._put_conn(conn)


def nothing_was_sent(error: BaseException) -> bool:
    """Whether this failure of a send is certain to have happened before the first byte of the request."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), ConnectTimeoutError)


def explain(error: BaseException) -> str:
    """The innermost cause in a few words: requests wraps urllib3, which wraps the socket's own error."""
    seen = 0
    while seen < 10:
        inner = getattr(error, "reason", None)
        inner = inner if isinstance(inner, BaseException) else next(_inner(error), None)
        if inner is None:
            break
        error, seen = inner, seen + 1
    return f"{type(error).__name__}: {error}"


def _inner(error: BaseException) -> Any:
    yield from (part for part in (*error.args, error.__cause__) if isinstance(part, BaseException))
