"""A relay before an S3 stand-in that looks first and writes later: one PUT at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.servers.s3 import S3Server
from tests.servers.threaded import Threaded


@contextmanager
def atomic(s3: S3Server) -> Iterator[S3Server]:
    """Put a relay before moto that passes on one PUT at a time: moto looks first and writes later."""
    with _OneByOne(s3.endpoint) as relay:
        yield s3.behind(relay.endpoint)


class _OneByOne(Threaded):
    def __init__(self, target: str) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Relay)
        server.daemon_threads = True
        server.block_on_close = False
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        server.target, server.turn = urlsplit(target).netloc, threading.Lock()  # type: ignore[attr-defined]
        super().__init__(server)


class _Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        with self.server.turn:  # type: ignore[attr-defined]
            self.do_GET()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = HTTPConnection(self.server.target, timeout=60)  # type: ignore[attr-defined]
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        dropped = ("connection", "transfer-encoding", "content-length")
        head = [f"HTTP/1.1 {response.status} {response.reason}"]
        head += [f"{name}: {value}" for name, value in response.getheaders() if name.lower() not in dropped]
        head.append(f"Content-Length: {len(data) if self.command != 'HEAD' else 0}")
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + data)

    do_DELETE = do_POST = do_HEAD = do_GET

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""
