"""Pooled HTTP connections, and requests over them that are made ready before they are sent.

`urllib3`'s connections, with three changes: whatever goes wrong in connecting is a ConnectTimeoutError; the read
timeout bounds the whole answer; idle connections are not trusted.
"""

from __future__ import annotations

import io
import ssl
import threading
import time
from http.client import HTTPConnection as Http
from http.client import HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import make_headers, parse_url
from urllib3.util.ssl_ import create_urllib3_context

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


class PlainPool(_Pool, HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class SecurePool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Answer(NamedTuple):
    """A status that came, its headers, and as much of the body as was asked for; `broken` is what cut it short."""

    status: int
    headers: Any
    body: bytes
    broken: Exception | None


class Exchange:
    """A connection with the head of a request ready on it, of which nothing has been sent."""

    def __init__(self, pool: _Pool, conn: Any) -> None:
        self._pool, self._conn = pool, conn

    def finish(self, body: bytes, seconds: float, limit: int) -> Answer:
        """Send it all and read the answer, up to `limit` bytes, within `seconds`. Whatever this raises, the request may
        have arrived."""
        conn = self._conn
        try:
            deadline = time.monotonic() + seconds
            conn.sock.settimeout(seconds)
            Http.endheaders(conn, body)
            conn.sock.settimeout(max(deadline - time.monotonic(), 0.001))
            answer, whole = _read(Http.getresponse(conn), limit)
        except BaseException:
            conn.close()
            raise
        if not whole:
            conn.close()  # or the rest would be taken for the next answer
        conn.idle_since = time.monotonic()
        self._pool._put_conn(conn)
        return answer


class Exchanges:
    """Requests to the host of `url`, without what `urllib3` and `requests` do around one (retries, redirects, decoding,
    cookies, proxies): here that must not be done, and it costs more than the request. `verify` is True, or the path of
    the certificates to trust."""

    def __init__(self, url: str, verify: bool | str = True) -> None:
        address = parse_url(url)
        self._target = address.request_uri
        self._own_headers = make_headers(basic_auth=unquote(address.auth)) if address.auth else {}
        self._warming = threading.Lock()
        self._pool: Any
        if address.scheme == "https":
            context = create_urllib3_context()
            context.load_verify_locations(certifi.where() if verify is True else str(verify))
            self._pool = SecurePool(str(address.host), address.port, maxsize=POOL_SIZE, ssl_context=context)
        else:
            self._pool = PlainPool(str(address.host), address.port, maxsize=POOL_SIZE)

    def open(self, method: str, target: str | None, headers: dict[str, str], seconds: float) -> Exchange:
        """A request for `target`, or else for what the URL names. Connects within `seconds`, if no connection is idle.
        Whatever this raises, nothing was sent."""
        conn = self._connected(seconds)
        try:
            Http.putrequest(conn, method, target or self._target, skip_accept_encoding=True)
            for name, value in (headers if target else headers | self._own_headers).items():
                Http.putheader(conn, name, value)
        except BaseException:
            conn.close()
            raise
        return Exchange(self._pool, conn)

    def warm(self, seconds: float, count: int) -> None:
        """Leave `count` open connections in the pool, together; does nothing where they lie there, or while somebody
        else is at it: a thousand who come at once need no more than those few."""
        if not self._warming.acquire(blocking=False):
            return
        ready = []
        try:
            for _ in range(count):
                ready.append(self._connected(seconds))
        finally:
            for conn in ready:
                self._pool._put_conn(conn)
            self._warming.release()

    def _connected(self, seconds: float) -> Any:
        conn = self._pool._get_conn()
        if conn.is_closed:
            conn.timeout = seconds
            try:
                conn.connect()
            except BaseException:
                conn.close()  # a handshake that failed leaves its socket open
                raise
        return conn


def _read(response: HTTPResponse, limit: int) -> tuple[Answer, bool]:
    """The answer, and whether all of it was read, so that another one can follow."""
    body = bytearray()
    broken: Exception | None = None
    ended = False
    try:
        while not ended and len(body) < limit:
            part = response.read1(limit - len(body))
            ended = not part
            body += part
        if ended and response.length:
            broken = IncompleteRead(bytes(body), response.length)
    except Exception as error:
        broken = error
    whole = broken is None and (ended or response.isclosed())
    response.close()
    return Answer(response.status, response.headers, bytes(body), broken), whole


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
