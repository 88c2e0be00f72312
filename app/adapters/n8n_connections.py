"""Own the pooled connections to n8n, and send each request over them in two steps.

Invariant: if `N8nConnections.prepare` fails, n8n received nothing. If `UnsentRequest.send` fails, n8n may have the
request. Nothing is sent twice.
"""

from __future__ import annotations

import threading
import time
import weakref
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from queue import Empty, Full, LifoQueue
from typing import Any, NamedTuple
from urllib.parse import unquote

import certifi
import urllib3  # noqa: F401  # the package before its parts, see tests/adapters/test_import_order.py
from urllib3.util import create_urllib3_context, make_headers, parse_url

from app.adapters.http_connections import DeadlineHTTPConnection, DeadlineHTTPSConnection

MAX_IDLE_CONNECTIONS = 64


class Answer(NamedTuple):
    """One HTTP answer, with its body up to the caller's limit.

    `error` is the exception behind an incomplete body. None means that the body is complete or reached the limit.
    """

    status: int
    headers: Any
    body: bytes
    error: Exception | None


class UnsentRequest:
    """A request whose head is buffered on an open connection. Nothing is sent yet."""

    def __init__(self, pool: N8nConnections, connection: DeadlineHTTPConnection) -> None:
        self._pool, self._connection = pool, connection

    def send(self, body: bytes, seconds: float, max_body_bytes: int) -> Answer:
        """Write the request once and read the answer.

        `seconds` bounds writing and reading together. `max_body_bytes` bounds the answer's body.

        Raises: OSError or HTTPException when no status came. The request may have arrived.
        """
        conn = self._connection
        try:
            deadline = time.monotonic() + seconds
            conn.sock.settimeout(seconds)
            HTTPConnection.endheaders(conn, body)
            conn.sock.settimeout(max(deadline - time.monotonic(), 0.001))
            answer, complete = _read(HTTPConnection.getresponse(conn), max_body_bytes)
        except BaseException:
            conn.close()
            raise
        if not complete:
            conn.close()  # the next answer would begin with the unread rest
        conn.idle_since = time.time()  # wall clock: see DeadlineHTTPConnection
        self._pool.release(conn)
        return answer


class N8nConnections:
    """A LIFO pool of connections to the host of `url`, safe for many threads.

    `verify` is True for certifi's certificates, or the path of a PEM file.
    """

    # Requests call http.client's methods, below those of urllib3 and requests. Retries, redirects, decoding, cookies
    # and proxies must not happen here, and they cost more time than the request itself.

    def __init__(self, url: str, verify: bool | str = True) -> None:
        address = parse_url(url)
        self._host = str(address.host).strip("[]")  # of an IPv6 address
        self._target = address.request_uri
        self._url_headers = make_headers(basic_auth=unquote(address.auth)) if address.auth else {}
        self._ssl_context = None
        if address.scheme == "https":
            self._ssl_context = create_urllib3_context()
            self._ssl_context.load_verify_locations(certifi.where() if verify is True else str(verify))
        self._port = address.port or (443 if self._ssl_context else 80)
        self._idle: LifoQueue[DeadlineHTTPConnection] = LifoQueue(MAX_IDLE_CONNECTIONS)
        self._warming = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    def prepare(self, method: str, target: str | None, headers: dict[str, str], seconds: float) -> UnsentRequest:
        """Acquire a connection and buffer the request's head on it.

        `target` is a path. None means the path, query and credentials of the pool's URL. `seconds` bounds connecting.
        A connection is opened only if none is idle.

        Raises: urllib3's HTTPError when connecting fails, ValueError for an illegal header. Nothing was sent.
        """
        conn = self._acquire(seconds)
        try:
            HTTPConnection.putrequest(conn, method, target or self._target, skip_accept_encoding=True)
            for name, value in (headers if target else headers | self._url_headers).items():
                HTTPConnection.putheader(conn, name, value)
        except BaseException:
            conn.close()
            raise
        return UnsentRequest(self, conn)

    def warm(self, seconds: float, count: int) -> None:
        """Open connections until `count` are idle and fresh.

        `seconds` bounds each connect. Do nothing while another thread warms the pool: its connections are enough.

        Raises: urllib3's HTTPError when connecting fails. Connections opened before that stay in the pool.
        """
        if not self._warming.acquire(blocking=False):
            return
        ready = []
        try:
            for _ in range(count):
                ready.append(self._acquire(seconds))
        finally:
            for conn in ready:
                self.release(conn)
            self._warming.release()

    def release(self, conn: DeadlineHTTPConnection) -> None:
        """Return an open connection to the pool. Close it if the pool is full."""
        if conn.is_closed:
            return
        try:
            self._idle.put_nowait(conn)
        except Full:
            conn.close()

    def _acquire(self, seconds: float) -> DeadlineHTTPConnection:
        try:
            conn = self._idle.get_nowait()
        except Empty:
            conn = self._new()
        else:
            if conn.is_connected:
                return conn
            conn.close()  # stale: `connect` opens it again
        conn.timeout = seconds
        try:
            conn.connect()
        except BaseException:
            conn.close()  # a failed handshake leaves its socket open
            raise
        return conn

    def _new(self) -> DeadlineHTTPConnection:
        if self._ssl_context is None:
            return DeadlineHTTPConnection(self._host, self._port)
        return DeadlineHTTPSConnection(self._host, self._port, ssl_context=self._ssl_context)


def _close_all(idle: LifoQueue[DeadlineHTTPConnection]) -> None:
    while not idle.empty():
        idle.get_nowait().close()


def _read(response: HTTPResponse, max_body_bytes: int) -> tuple[Answer, bool]:
    """Return the answer, and True if the connection can take another request."""
    body = bytearray()
    error: Exception | None = None
    ended = False
    try:
        while not ended and len(body) < max_body_bytes:
            part = response.read1(max_body_bytes - len(body))
            ended = not part
            body += part
        if ended and response.length:
            error = IncompleteRead(bytes(body), response.length)
    except Exception as failure:
        error = failure
    complete = error is None and (ended or response.isclosed())
    response.close()
    return Answer(response.status, response.headers, bytes(body), error), complete
