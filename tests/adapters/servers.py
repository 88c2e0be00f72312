"""Real servers on loopback with scripted failures: one for HTTP, one for raw sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"


@dataclass
class Seen:
    """One received request."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class HttpServer:
    """A running HTTP server.

    `answer` maps a request to (status, headers, body). `seen` has every request. `connections` counts the accepted
    connections.
    """

    url: str
    answer: Callable[[Seen], tuple[int, dict[str, str], bytes]]
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0


def ok(_: Seen) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, b"{}"


def says(status: int, value: object, **headers: str) -> Callable[[Seen], tuple[int, dict[str, str], bytes]]:
    """Answer with JSON. In header names, `_` means `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda _: (status, named, json.dumps(value).encode())


@contextlib.contextmanager
def http_server(
    answer: Callable[[Seen], tuple[int, dict[str, str], bytes]] = ok, tls: ssl.SSLContext | None = None
) -> Iterator[HttpServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one segment: Nagle's algorithm would add 40 ms per answer

        def setup(self) -> None:
            record.connections += 1
            super().setup()

        def speak(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            names = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, self.path, names, body)
            record.seen.append(seen)
            status, headers, text = record.answer(seen)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(text))} | headers).items():
                for line in value.split("\n"):
                    self.send_header(name, line)
            self.end_headers()
            self.wfile.write(text if self.command != "HEAD" else b"")

        do_GET = do_HEAD = do_POST = do_DELETE = speak

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *args: object) -> None:
            pass  # tests close connections early

    server = Server((LOOPBACK, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "https" if tls is not None else "http"
    record = HttpServer(f"{scheme}://{LOOPBACK}:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class SocketServer:
    url: str
    port: int
    connections: int = 0
    stop: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def socket_server(script: Callable[[socket.socket, SocketServer], None]) -> Iterator[SocketServer]:
    """Run `script` for every connection in its own thread, then close the connection."""
    listener = socket.create_server((LOOPBACK, 0))
    port = listener.getsockname()[1]
    record = SocketServer(f"http://{LOOPBACK}:{port}", port)

    def serve(conn: socket.socket) -> None:
        with conn, contextlib.suppress(OSError):  # the client can close first
            script(conn, record)

    def accept() -> None:
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            record.connections += 1
            threading.Thread(target=serve, args=(conn,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield record
    finally:
        record.stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def read_request(conn: socket.socket) -> bytes:
    """Read one whole request, by its Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(conn)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += _more(conn)
    return head + b"\r\n\r\n" + body


def _more(conn: socket.socket) -> bytes:
    data = conn.recv(65536)
    if not data:
        raise ConnectionError("the client closed the connection")
    return data


def reset(conn: socket.socket) -> None:
    """Close with RST instead of FIN."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
